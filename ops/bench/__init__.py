"""Benchmarks: `newar bench`. What was measured last, and on what, stands in RESULTS.md."""
