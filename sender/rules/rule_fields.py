"""The fields of a rule's row, each by itself: what it may hold, and what to write when it holds something else."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable
from typing import Any, get_args

from schema.outcomes import ErrorClass
from sender.rules.rule import PageAction, Pool, RecipientAction, RunAction

SETTING = "setting"
"""Stands for what CIRCUIT_BREAKER_THRESHOLD or CIRCUIT_BREAKER_COOLDOWN_MS says."""
OFF = "none"
"""The action of a row that switches a shipped one off."""
MOST_ANSWERS = 50
"""So many letters does the queue keep of a page's, the app's and a run's last answers."""
LEAST_FACTOR = 0.02
"""Nothing is ever slower than this share of its limit."""
CLASSES: dict[str, ErrorClass] = {
    c.value: c for c in list(ErrorClass)[: list(ErrorClass).index(ErrorClass.INVALID_RECIPIENT)]
}
"""Those that an answer can have; the others are found before one."""

ACTIONS: dict[str, tuple[str, ...]] = {
    "recipient": get_args(RecipientAction),
    "run": get_args(RunAction),
    "page": get_args(PageAction),
    "app": get_args(PageAction),
}
"""What can be done to whom."""
ALL_ACTIONS = (*dict.fromkeys(action for actions in ACTIONS.values() for action in actions), OFF)

_UNITS_MS = {"ms": 1, "s": 1_000, "min": 60_000, "h": 3_600_000}
_DURATION = re.compile(r"([0-9]{1,9}) ?(ms|s|min|h)")
_SHORTEST_MS, _LONGEST_MS = 100, 7 * 24 * 3_600_000
_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,63}")
_CODES = range(-(2**31), 2**31)


class Unfit(ValueError):
    """A value that its field cannot hold. The text says what to write."""


def listed(words: Iterable[str]) -> str:
    """Return words for a message: `a, b or c`."""
    *most, last = words
    return f"{', '.join(most)} or {last}" if most else last


def one_line(text: str) -> str:
    """Return text for a message: printable, cut."""
    return "".join(c if c.isprintable() else "?" for c in text[:40]) + ("..." if len(text) > 40 else "")


def shown(value: object) -> str:
    """Return a value for a message, as it would stand in the file."""
    if isinstance(value, str):
        return f'"{one_line(value)}"'
    try:
        return one_line(str(value))
    except ValueError:  # a hexadecimal number of thousands of digits
        return "this number"


def _name(value: object) -> str:
    if not isinstance(value, str) or not _NAME.fullmatch(value):
        raise Unfit('write up to 64 of a-z, 0-9 and "-", like "slow-page"')
    return value


def _one_of(words: Iterable[str]) -> Callable[[object], str]:
    allowed = tuple(words)

    def read(value: object) -> str:
        if not isinstance(value, str) or value not in allowed:
            raise Unfit(f"write {listed(allowed)}")
        return value

    return read


def _error_class(value: object) -> ErrorClass:
    return CLASSES[_one_of(CLASSES)(value)]


def _numbers(value: object) -> frozenset[int]:
    numbers = value if isinstance(value, list) else [value]
    if not numbers or not all(type(n) is int and n in _CODES for n in numbers):
        raise Unfit("write a whole number as Meta gives it, or several: [458, 460]")
    return frozenset(numbers)


def as_compared(text: str) -> str:
    """Return an error's text as rules compare it: in lower case, with plain apostrophes."""
    return text.lower().replace("\u2019", "'")


def _text(value: object) -> str:
    if not isinstance(value, str) or not 1 <= len(value.strip()) <= 200:
        raise Unfit("write a piece of the error's message, of 1 to 200 characters")
    return as_compared(value.strip())


def _whole(least: int, most: int) -> Callable[[object], int]:
    def read(value: object) -> int:
        if type(value) is not int or not least <= value <= most:
            raise Unfit(f"write a whole number from {least} to {most}")
        return value

    return read


def _number(least: float, most: float) -> Callable[[object], float]:
    def read(value: object) -> float:
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
            raise Unfit(f"write a number from {least:g} to {most:g}")
        if not least <= value <= most:
            raise Unfit(f"write a number from {least:g} to {most:g}")
        return float(value)

    return read


def _or_setting(read: Callable[[object], int]) -> Callable[[object], int | str]:
    def read_either(value: object) -> int | str:
        if value == SETTING:
            return SETTING
        try:
            return read(value)
        except Unfit as exc:
            raise Unfit(f'{exc}, or "{SETTING}"') from None

    return read_either


def _duration_ms(value: object) -> int:
    found = _DURATION.fullmatch(value) if isinstance(value, str) else None
    ms = int(found[1]) * _UNITS_MS[found[2]] if found else -1
    if not _SHORTEST_MS <= ms <= _LONGEST_MS:
        raise Unfit('write a time from "100ms" to "168h", like "2s", "5min" or "6h"')
    return ms


def duration(ms: int) -> str:
    """Return a time as a row has it: `2s`, `5min`, `6h`."""
    unit = next(unit for unit in ("h", "min", "s", "ms") if ms % _UNITS_MS[unit] == 0)
    return f"{ms // _UNITS_MS[unit]}{unit}"


def _source(value: object) -> str:
    if not isinstance(value, str) or not value.strip():
        raise Unfit("write where the platform's facts say so")
    return value.strip()


FIELDS: dict[str, Callable[[object], Any]] = {
    "name": _name,
    "scope": _one_of(ACTIONS),
    "action": _one_of(ALL_ACTIONS),
    "class": _error_class,
    "code": _numbers,
    "subcode": _numbers,
    "unless_code": _numbers,
    "unless_subcode": _numbers,
    "text": _text,
    "pool": _one_of(get_args(Pool)),
    "usage_at_least": _number(1, 1000),
    "usage_below": _number(1, 1000),
    "count": _whole(1, MOST_ANSWERS),
    "of": _whole(1, MOST_ANSWERS),
    "share": _number(0, 0.99),
    "in_a_row": _or_setting(_whole(1, MOST_ANSWERS)),
    "for": _or_setting(_duration_ms),
    "longest": _duration_ms,
    "factor": _number(LEAST_FACTOR, 1),
    "times": _whole(1, 10),
    "source": _source,
}
"""Every field that a row may have, and what reads it. Raises `Unfit`."""
