"""Comparing the names that a message asks for with those that the data has, as a person would. Pure."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from difflib import get_close_matches
from typing import Any

from sender.message.variables import normal_name
from sender.runs.dry_run.report import MissingName, UnusedName

_MOST_NAMES = 1000
"""Different names that are kept: data with more has keys where it should have values."""
_ALIKE = 0.75
_LONG_ENOUGH = 4
_OTHER_MARKS = re.compile(
    r"(?<!\{)\{([^{}]{1,60})\}(?!\})|\[([^\[\]]{1,60})\]|%([^%\s][^%]{0,58}[^%\s])%|<([^<>]{1,60})>"
)
"""Placeholders of other programs: {name}, [name], %name%, <name>."""


class Names:
    """Counts who has what.

    Args:
        wanted: name -> whether a fallback stands in for it wherever it is asked for.
        texts: all strings of the message.
    """

    def __init__(self, wanted: Mapping[str, bool], texts: Iterable[str]) -> None:
        self._wanted = wanted
        self._texts = list(texts)
        self._have: Counter[str] = Counter()
        self._people = 0

    @property
    def people(self) -> int:
        """How many were noted."""
        return self._people

    def add(self, variables: Mapping[str, Any] | None) -> None:
        """Note a person's variables, flat as `read_variables` gives them."""
        self._people += 1
        for name, value in (variables or {}).items():
            countable = value is not None and not isinstance(value, dict | list)
            if countable and (name in self._have or len(self._have) < _MOST_NAMES):
                self._have[name] += 1

    def expect(self, names: Iterable[str]) -> None:
        """Note names that are there, with or without a value: the columns of a file."""
        for name in names:
            self._have[normal_name(name)] += 0

    def missing(self) -> list[MissingName]:
        """Return the placeholders for which somebody has no value."""
        found = []
        for name, fallback in self._wanted.items():
            if without := self._people - self._have[name]:
                near = None if self._have[name] else nearly(name, self._unused())
                found.append(MissingName(name, without, fallback, near))
        return found

    def unused(self) -> list[UnusedName]:
        """Return the names that no placeholder asks for."""
        nobody_has = [name for name in self._wanted if not self._have[name]]
        return [UnusedName(name, nearly(name, nobody_has)) for name in self._unused()]

    def stops(self) -> Iterator[str]:
        """Yield what is surely not meant so: nobody has a name that is asked for, or braces would go out."""
        for one in self.missing():
            meant = f"; the data has {one.did_you_mean}: write {{{{{one.did_you_mean}}}}}" if one.did_you_mean else ""
            if one.without == self._people and not one.fallback:
                yield f"nobody has a value for {{{{{one.name}}}}}{meant}"
            elif one.without == self._people and one.did_you_mean:
                yield f"everybody would get the fallback of {{{{{one.name}}}}}{meant}"
        for written, name in self._other_marks():
            yield f"{written} would go out as it stands: a placeholder is written {{{{{name}}}}}"

    def _unused(self) -> list[str]:
        return [name for name in self._have if name not in self._wanted]

    def _other_marks(self) -> Iterator[tuple[str, str]]:
        """Yield what looks like another program's placeholder of a name that the data has."""
        for text in self._texts:
            for mark in _OTHER_MARKS.finditer(text):
                inside = normal_name(next(filter(None, mark.groups()), "").partition("|")[0])
                if name := next((one for one in self._have if _plain(one) == _plain(inside) != ""), None):
                    yield mark[0], name


def nearly(name: str, others: Iterable[str]) -> str | None:
    """Return the one of these that is nearly this name; None when none is."""
    plain = {_plain(other): other for other in others}
    mine = _plain(name)
    if mine in plain:
        return plain[mine]
    within = [one for one in plain if min(len(one), len(mine)) >= _LONG_ENOUGH and (one in mine or mine in one)]
    close = within or get_close_matches(mine, plain, n=1, cutoff=_ALIKE)
    return plain[close[0]] if close else None


def _plain(name: str) -> str:
    """Return only what people hear of a name: letters and digits, case aside."""
    return "".join(character for character in name.casefold() if character.isalnum())


def strings(value: object) -> Iterator[str]:
    """Yield every string in a message, keys aside."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for member in value.values():
            yield from strings(member)
    elif isinstance(value, list):
        for item in value:
            yield from strings(item)
