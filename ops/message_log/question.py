"""A question to the log, made of filters that people write. Only what an index answers is a question. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Set
from datetime import datetime
from enum import Enum
from typing import Any

import msgspec

from ops.message_log.after import After
from schema.outcomes import ErrorClass, Outcome

FILTERS = ("recipient", "run", "page", "message", "failures", "outcome", "class", "code", "from", "to", "after")
MOST = 1000
USUAL = 100
FAILURES = frozenset(Outcome) - {Outcome.SENT, Outcome.RETRYING}
"""Outcomes of those who were not reached, or perhaps not."""
_ALWAYS = frozenset({"from", "to", "after"})
_LARGEST_CODE = 2**31 - 1
_MOMENT = "a moment with a time zone, such as 2026-11-22T09:30:00Z"


class Kind(Enum):
    """What can be asked: the filters that it needs, and those that it may have. The first that fits counts."""

    RECIPIENT = ({"recipient"}, {"page", "run"})
    MESSAGE = ({"message"}, set[str]())
    FAILURES_OF_RUN = ({"failures", "run"}, {"class", "code"})
    FAILURES_OF_PAGE = ({"failures", "page"}, {"code"})
    FAILURES = ({"failures"}, {"code"})
    RUN = ({"run"}, {"outcome", "class", "code"})
    PAGE = ({"page"}, set[str]())

    @property
    def needs(self) -> Set[str]:
        """Filters without which it is not this question."""
        needs: Set[str] = self.value[0]
        return needs

    @property
    def may(self) -> Set[str]:
        """Filters that it may have besides."""
        may: Set[str] = self.value[1]
        return may

    def fits(self, given: Set[str]) -> bool:
        """Say whether these filters, without those that always go, are this question."""
        return self.needs <= given <= self.needs | self.may

    def __str__(self) -> str:
        needs = " and ".join(name for name in FILTERS if name in self.needs)
        may = ", ".join(name for name in FILTERS if name in self.may)
        return f"{needs} [{may}]" if may else needs


COMBINATIONS = "; ".join(map(str, Kind))
"""In words, for people: what may be left out stands in brackets."""


class BadQuestion(Exception):
    """The filters are no question that an index answers; the text says what to write."""


class Question(msgspec.Struct, frozen=True, kw_only=True):
    """What is asked. Filters that were not given are None."""

    kind: Kind
    recipient: str | None = None
    run: str | None = None
    page: str | None = None
    message: str | None = None
    outcomes: frozenset[Outcome] | None = None
    """None: all of them."""
    classes: frozenset[ErrorClass] | None = None
    """None: with any class, or none."""
    code: int | None = None
    since: datetime | None = None
    """Rows from this moment on."""
    until: datetime | None = None
    """Rows before this moment."""
    after: After | None = None
    pages: frozenset[str] | None = None
    """The only pages whose rows may be seen; None: all."""

    @property
    def by_figures(self) -> bool:
        """Whether a list for each outcome and class of the run is read, as its figures name them."""
        return self.kind is Kind.RUN or (self.kind is Kind.FAILURES_OF_RUN and self.classes is not None)


def question(filters: Mapping[str, str | None]) -> Question:
    """Return what these filters ask; None: a filter that was not given.

    Raises:
        BadQuestion: naming all that is wrong.
    """
    given = {name: text for name, text in filters.items() if text is not None}
    problems = [f"{name} is no filter: there are {', '.join(FILTERS)}" for name in given if name not in FILTERS]
    problems += [f"{name} is empty: leave it out, or write a value" for name, text in given.items() if not text]
    problems += [f"{name} holds a NUL character" for name, text in given.items() if "\0" in text]
    values = {name: _value(name, text, problems) for name, text in given.items() if text}
    if values.get("from") and values.get("to") and values["from"] >= values["to"]:
        problems.append("from must be before to")
    kind = next((kind for kind in Kind if kind.fits(given.keys() - _ALWAYS)), None)
    if kind is None:
        problems.append(f"no index answers this: ask for one of {COMBINATIONS}; with each of them, from, to and after")
    if problems or kind is None:
        raise BadQuestion("; ".join(dict.fromkeys(problems)))
    outcomes = frozenset({values["outcome"]}) if "outcome" in values else FAILURES if "failures" in values else None
    return Question(
        kind=kind,
        **{name: values.get(name) for name in ("recipient", "run", "page", "message", "code", "after")},
        outcomes=outcomes,
        classes=frozenset({values["class"]}) if "class" in values else None,
        since=values.get("from"),
        until=values.get("to"),
    )


def _value(name: str, text: str, problems: list[str]) -> Any:
    """Read one filter. What cannot be used is a problem more."""
    if (reader := _READERS.get(name)) is None:
        return text
    read, words = reader
    try:
        return read(text)
    except (ValueError, OverflowError):
        problems.append(f"{name} must be {words}")
        return None


def _flag(text: str) -> bool:
    if text != "1":
        raise ValueError
    return True


def _code(text: str) -> int:
    code = int(text) if text.isascii() and text.isdigit() and len(text) < 11 else -1
    if not 0 <= code <= _LARGEST_CODE:
        raise ValueError
    return code


def _moment(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError
    return moment


_READERS: dict[str, tuple[Callable[[str], Any], str]] = {
    "failures": (_flag, "1"),
    "outcome": (Outcome, f"one of {', '.join(Outcome)}"),
    "class": (ErrorClass, f"one of {', '.join(ErrorClass)}"),
    "code": (_code, f"a whole number from 0 to {_LARGEST_CODE}"),
    "from": (_moment, f"{_MOMENT} (in an address, + is written %2B)"),
    "to": (_moment, f"{_MOMENT} (in an address, + is written %2B)"),
    "after": (After.read, "the `next` of a former answer"),
}
