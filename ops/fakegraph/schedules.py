"""Values that change as time goes by, told as steps: what they are at a moment, and how much adds up. Pure."""

from bisect import bisect
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from math import isfinite
from typing import Generic, TypeVar

import msgspec

Told = float | str | None
Step = tuple[float, Told]
V = TypeVar("V")


class Repeating(msgspec.Struct, forbid_unknown_fields=True):
    """Steps that begin anew every `repeat_s` seconds."""

    steps: list[Step]
    repeat_s: float


Plan = float | str | list[Step] | Repeating
"""A value; or steps `[[after_s, value], …]`, of which the last holds; or steps that repeat."""


@dataclass(frozen=True, slots=True)
class Schedule(Generic[V]):
    """Steps, the first at 0; times are seconds since they were told."""

    starts_s: tuple[float, ...]
    values: tuple[V, ...]
    repeat_s: float | None = None

    def at(self, elapsed_s: float) -> V:
        """The value at this moment."""
        if len(self.values) == 1:
            return self.values[0]
        if self.repeat_s is not None:
            elapsed_s %= self.repeat_s
        return self.values[bisect(self.starts_s, elapsed_s) - 1]


def area(schedule: Schedule[float], from_s: float, to_s: float) -> float:
    """What a rate per second adds up to between two moments."""
    if len(schedule.values) == 1:
        return (to_s - from_s) * schedule.values[0]
    return _until(schedule, to_s) - _until(schedule, from_s)


def read_schedule(plan: Plan, where: str, problem_of: Callable[[Told], str], problems: list[str]) -> Schedule[Told]:
    """The schedule that was told; what is wrong with it is added to `problems`.

    Args:
        plan: As it was told.
        where: What it was told for, for the texts of problems.
        problem_of: Says what is wrong with a value, or an empty text.
        problems: Every problem found so far.
    """
    steps, repeat_s = _steps(plan)
    starts_s = [after_s for after_s, _ in steps]
    if not steps or starts_s[0] != 0:
        problems.append(f"{where}: the first step must begin at 0, as in [[0, 30], [20, 10]]")
    if not all(isfinite(s) for s in starts_s) or any(a >= b for a, b in pairwise(starts_s)):
        problems.append(f"{where}: steps must follow each other in time, as in [[0, 30], [20, 10]]")
    if repeat_s is not None and not (starts_s and max(starts_s) < repeat_s < float("inf")):
        problems.append(f"{where}: repeat_s must be beyond the beginning of the last step")
    problems += [f"{where}: {told!r} {wrong}" for _, told in steps if (wrong := problem_of(told))]
    return Schedule(tuple(starts_s), tuple(told for _, told in steps), repeat_s)


def _steps(plan: Plan) -> tuple[list[Step], float | None]:
    if isinstance(plan, Repeating):
        return plan.steps, plan.repeat_s
    return (plan, None) if isinstance(plan, list) else ([(0.0, plan)], None)


def _until(schedule: Schedule[float], elapsed_s: float) -> float:
    rounds = 0.0
    if schedule.repeat_s is not None:
        rounds, elapsed_s = divmod(elapsed_s, schedule.repeat_s)
    total = rounds * _once(schedule, schedule.repeat_s) if schedule.repeat_s is not None else 0.0
    return total + _once(schedule, elapsed_s)


def _once(schedule: Schedule[float], elapsed_s: float) -> float:
    ends_s = (*schedule.starts_s[1:], elapsed_s)
    spans = zip(schedule.starts_s, ends_s, schedule.values, strict=True)
    return sum((min(end_s, elapsed_s) - start_s) * value for start_s, end_s, value in spans if start_s < elapsed_s)
