"""Times and sizes as the doctor says them. Pure."""

from __future__ import annotations

_DAY_MS = 24 * 3600 * 1000
_UNITS = (("days", _DAY_MS, 2 * _DAY_MS), ("h", 3600 * 1000, 2 * 3600 * 1000), ("min", 60 * 1000, 2 * 60 * 1000))


def how_long(ms: int) -> str:
    """Say a time in the unit that fits: 90 s, 45 min, 6 h, 7 days."""
    name, unit = next(((name, unit) for name, unit, least in _UNITS if ms >= least), ("s", 1000))
    return f"{round(ms / unit, 1):g} {name}"


def how_large(size: int) -> str:
    """Say a number of bytes: 1.0 MB, 12.5 GB."""
    return f"{size / 1e6:,.1f} MB" if size < 1e9 else f"{size / 1e9:,.1f} GB"
