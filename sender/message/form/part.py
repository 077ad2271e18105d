"""An object within a message, and the questions that are asked of its members."""

from __future__ import annotations

from collections.abc import Callable, Collection
from difflib import get_close_matches
from functools import partial
from typing import Any

import msgspec

from sender.message.form.fixed_text import address_fault, blank_fault, is_fixed, length_fault
from sender.message.form.form_rules import FormProblem

_NAMED_KEYS = 5
_SHOWN = 40  # characters of what somebody wrote
_KINDS = {bool: "true or false", str: "a text", list: "a list", dict: "an object"}


Path = tuple[str | int, ...]
Fault = Callable[[str], str | None]
"""Says what is wrong with a text, and what to write instead."""


class OpenQuestion(msgspec.Struct, frozen=True):
    """What can be said for sure of a text only when its placeholders are filled in."""

    path: Path
    rule: str
    fault: Fault


class Found(msgspec.Struct):
    """What all parts of a message share."""

    problems: list[FormProblem] = []
    open: list[OpenQuestion] = []


class Part:
    """One object; what is wrong with it, or may be, goes to the end of what was `found`.

    A member that is null counts as missing.
    """

    def __init__(self, members: dict[str, Any], path: Path, found: Found) -> None:
        self.members = members
        self.path = path
        self.found = found

    def wrong(self, rule: str, text: str, *path: str | int) -> None:
        """Note that the part, or what is found in it by `path`, breaks this rule."""
        self.found.problems.append(FormProblem(rule, position((*self.path, *path)), text))

    def has(self, key: str) -> bool:
        """Say whether the member is there."""
        return self.members.get(key) is not None

    def only(self, known: Collection[str]) -> None:
        """Ask for no other keys than these."""
        unknown = [key for key in self.members if key not in known]
        if not unknown:
            return
        named = [f"{_shown(key)}{_meant(key, known)}" for key in unknown[:_NAMED_KEYS]]
        more = f" and {len(unknown) - _NAMED_KEYS} more" if len(unknown) > _NAMED_KEYS else ""
        self.wrong("unknown-key", f"unknown key {', '.join(named)}{more}: known here are {', '.join(sorted(known))}")

    def text(self, key: str, most: int = 0, rule: str = "", *, needed: bool = True) -> None:
        """Ask for a text: not blank when it is needed, and of at most so many fixed characters (0: of any number)."""
        value = self._value(key, (str,), "a text", needed=needed)
        if needed:
            self.judge(key, value, "blank-text", blank_fault)
        if most:
            self.judge(key, value, rule, partial(length_fault, most=most))

    def judge(self, key: str, value: object, rule: str, fault: Fault) -> None:
        """Note what is wrong with a member, if it is a text, and what may be once it is filled in."""
        if not isinstance(value, str):
            return
        if not is_fixed(value):
            self.found.open.append(OpenQuestion((*self.path, key), rule, fault))
        if wrong := fault(value):
            self.wrong(rule, wrong, key)

    def tap(self, most: int, rule: str, *, needed: bool) -> None:
        """Ask for a `payload` that comes back from a tap: a text, perhaps empty, or a number."""
        value = self._value("payload", (str, int, float), "a text", needed=needed)
        self.judge("payload", value, rule, partial(length_fault, most=most))

    def name(self, key: str) -> None:
        """Ask for an id: a text, or a number."""
        self.judge(key, self._value(key, (str, int), "a text"), "blank-text", blank_fault)

    def flag(self, key: str) -> None:
        """Ask for true or false, when it is there; a text may say so too."""
        value = self._value(key, (bool, str), "true or false", needed=False)
        if isinstance(value, str) and value.lower() not in ("true", "false") and is_fixed(value):
            self.wrong("json-type", f"{_shown(value)}: write true or false", key)

    def address(self, key: str, *, needed: bool = True) -> None:
        """Ask for the address of a page or file on the web."""
        self.judge(key, self._value(key, (str,), "a text", needed=needed), "url", address_fault)

    def choice(self, key: str, known: Collection[str], rule: str) -> str | None:
        """Ask for one of these words; None: it is none, or only known for each recipient."""
        value: str | None = self._value(key, (str,), "a text")
        self.judge(key, value, rule, partial(_no_choice, known=known))
        return value if value in known else None

    def part(self, key: str, *, needed: bool = True) -> Part | None:
        """Ask for an object."""
        value = self._value(key, (dict,), "an object", needed=needed)
        return None if value is None else Part(value, (*self.path, key), self.found)

    def parts(self, key: str, least: int, most: int | None, rule: str = "", *, needed: bool = True) -> list[Part]:
        """Ask for a list of so many objects (None: any number); what stands beyond `most` is not looked at."""
        value = self._value(key, (list,), "a list", needed=needed)
        if value is None:
            return []
        if most is not None and not least <= len(value) <= most:
            wanted = str(most) if least == most else f"{least} to {most}"
            self.wrong(rule, f"{len(value)} items: give {wanted}", key)
        found = []
        for index, item in enumerate(value[:most]):
            if isinstance(item, dict):
                found.append(Part(item, (*self.path, key, index), self.found))
            else:
                self.wrong("json-type", f"{_kind(item)}: write an object in {{ }}", key, index)
        return found

    def _value(self, key: str, kinds: tuple[type, ...], wanted: str, *, needed: bool = True) -> Any:
        """Return the member; None when it is missing or of another JSON type."""
        value = self.members.get(key)
        if value is None:
            if needed:
                self.wrong("missing-key", f'"{key}" is missing: add it, as {wanted}')
            return None
        if not isinstance(value, kinds) or (isinstance(value, bool) and bool not in kinds):
            self.wrong("json-type", f"{_kind(value)}: write {wanted}", key)
            return None
        return value


def position(path: Path) -> str:
    """Return how people are told a place: `message.quick_replies[0].title`."""
    return "".join(["message", *(f"[{key}]" if isinstance(key, int) else f".{key}" for key in path)])


def _no_choice(word: str, known: Collection[str]) -> str | None:
    if word in known or not is_fixed(word):
        return None
    return f"{_shown(word)} is unknown{_meant(word, known)}: write {_either(known)}"


def _kind(value: object) -> str:
    return "null" if value is None else _KINDS.get(type(value), "a number")


def _shown(text: str) -> str:
    safe = "".join(c if c.isprintable() else "\ufffd" for c in text[:_SHOWN])  # for terminals and for Postgres
    return f'"{safe}…"' if len(text) > _SHOWN else f'"{safe}"'


def _meant(word: str, known: Collection[str]) -> str:
    near = get_close_matches(word[:_SHOWN].strip().lower(), known, n=1)
    return f' (did you mean "{near[0]}"?)' if near else ""


def _either(known: Collection[str]) -> str:
    *others, last = known
    return f"{', '.join(others)} or {last}" if others else last
