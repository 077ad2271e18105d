"""One line of the doctor's."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Literal

import msgspec


class Finding(msgspec.Struct, frozen=True):
    """What was found, and what to do about it."""

    part: str
    status: Literal["ok", "warn", "fail"]
    """`fail`: something will not work. `warn`: it works, with less than what is promised."""
    text: str
    mend: str = ""


Check = Callable[[], Awaitable[list[Finding]]]
"""Checks one part. Its errors mean that the part cannot be reached."""


def judged(part: str, good: bool, text: str, *, otherwise: str, mend: str, status: Literal["warn", "fail"]) -> Finding:
    """Return `ok` with `text`, or `status` with `otherwise` and `mend`."""
    return Finding(part, "ok", text) if good else Finding(part, status, otherwise, mend)


CLOCK_WARN_S = 1.0
CLOCK_FAIL_S = 5.0


def clock(part: str, theirs_s: float, ours_s: float) -> Finding:
    """Judge how far another clock is from this machine's; both in seconds since 1970."""
    off_s = theirs_s - ours_s
    text = f"its clock is {abs(off_s):.1f} s {'ahead of' if off_s > 0 else 'behind'} this machine's"
    mend = "run chrony or ntpd on both machines: figures of processes with other clocks count as stale"
    if abs(off_s) > CLOCK_FAIL_S:
        return Finding(part, "fail", text, mend)
    return Finding(part, "warn", text, mend) if abs(off_s) > CLOCK_WARN_S else Finding(part, "ok", text)
