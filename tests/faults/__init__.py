"""Faults of every kind on real processes and servers: what was promised must hold."""
