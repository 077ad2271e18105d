"""A run's message with its placeholders, filled in for one recipient; no request bytes.

Placeholders are `{{name}}` and `{{name|fallback}}` in any string of the message (keys are left alone), blanks around
name and fallback do not count. There is no escape: a `{{` that is no placeholder is a mistake, and a person's text
with braces comes from a variable, whose value is inserted once and not looked at again. A name may be in any script and
have blanks in it; `a.b` is a member of an object (variables.py).
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from typing import Any

import msgspec

from sender.message.errors import BadTemplate, MissingVariable, UnusableVariable
from sender.message.limits import MAX_OWN_METADATA
from sender.message.variables import normal_name

_DEEPEST = 64
_OTHER_LANGUAGES = "#/>&!^=$@"
"""What their commands begin with: `{{#if}}` would be a name that nobody has."""
_NO_NAME = re.compile(r"[{}\x00-\x1f\x7f]")


class _Slot(msgspec.Struct, frozen=True):
    name: str
    fallback: str | None


class _Text(msgspec.Struct, frozen=True):
    """A string with at least one slot."""

    parts: list[str | _Slot]


class _Object(msgspec.Struct, frozen=True):
    """An object; `plans` are only those members that have slots somewhere in them."""

    constant: dict[str, Any]
    plans: list[tuple[str, _Plan]]


class _List(msgspec.Struct, frozen=True):
    constant: list[Any]
    plans: list[tuple[int, _Plan]]


_Plan = _Text | _Object | _List


class MessageTemplate:
    """A run's message, compiled once.

    Args:
        message: the Send API `message` object. Not copied, and not to be changed afterwards.

    Raises:
        BadTemplate: an unclosed or misnamed placeholder, text that is no Unicode, a `metadata` that is not a string or
            too long, nesting beyond reason.
    """

    def __init__(self, message: dict[str, Any]) -> None:
        metadata = message.get("metadata", "")
        if not isinstance(metadata, str):
            raise BadTemplate("message.metadata", "must be a string")
        self.message = message
        self._plan = _compile(message, "message", 0)
        if "{{" not in metadata and len(metadata) > MAX_OWN_METADATA:
            raise BadTemplate("message.metadata", f"over {MAX_OWN_METADATA} characters")

    @property
    def constant(self) -> bool:
        """Whether everybody gets the same message."""
        return self._plan is None

    @property
    def names(self) -> dict[str, bool]:
        """The variables that are asked for, each with whether a fallback stands in wherever it is."""
        found: dict[str, bool] = {}
        for slot in _slots(self._plan):
            found[slot.name] = found.get(slot.name, True) and slot.fallback is not None
        return found

    def fill(self, variables: dict[str, Any] | None) -> dict[str, Any]:
        """Return the message for one recipient: a new object, or the run's own one when nothing is filled in.

        Raises:
            MissingVariable: or its kind UnusableVariable.
        """
        if self._plan is None:
            return self.message
        filled: dict[str, Any] = _fill(self._plan, variables or {})
        return filled


def _compile(value: object, position: str, depth: int) -> _Plan | None:
    """Return how to fill the value; None when there is nothing to fill."""
    if depth > _DEEPEST:
        raise BadTemplate(position, f"nested deeper than {_DEEPEST} levels")
    if isinstance(value, str):
        return _compile_text(value, position)
    if isinstance(value, dict):
        members = [(key, _compile(member, f"{position}.{key}", depth + 1)) for key, member in value.items()]
        plans = [(key, plan) for key, plan in members if plan is not None]
        return _Object(value, plans) if plans else None
    if isinstance(value, list):
        items = [_compile(item, f"{position}[{index}]", depth + 1) for index, item in enumerate(value)]
        found = [(index, plan) for index, plan in enumerate(items) if plan is not None]
        return _List(value, found) if found else None
    return None


def _compile_text(text: str, position: str) -> _Text | None:
    try:
        text.encode()
    except UnicodeEncodeError as exc:
        raise BadTemplate(f"{position}, character {exc.start + 1}", "half of a surrogate pair") from None
    parts: list[str | _Slot] = []
    done = 0
    while (start := text.find("{{", done)) >= 0:
        end = text.find("}}", start + 2)
        place = f"{position}, character {start + 1}"
        if end < 0:
            raise BadTemplate(place, "{{ without }}")
        if start > done:
            parts.append(text[done:start])
        parts.append(_slot(text[start + 2 : end], place))
        done = end + 2
    if not parts:
        return None
    if done < len(text):
        parts.append(text[done:])
    return _Text(parts)


def _slot(inside: str, place: str) -> _Slot:
    name, bar, fallback = inside.partition("|")
    name = normal_name(name)
    if "{{" in inside:
        raise BadTemplate(place, "{{ within a placeholder")
    if not name or name[0] in _OTHER_LANGUAGES or _NO_NAME.search(name):
        raise BadTemplate(
            place, f"{name[:40]!r} is not the name of a variable" if name else "no name between {{ and }}"
        )
    return _Slot(name, fallback.strip() if bar else None)


def _slots(plan: _Plan | None) -> Iterator[_Slot]:
    if isinstance(plan, _Text):
        yield from (part for part in plan.parts if isinstance(part, _Slot))
    elif plan is not None:
        for _, inner in plan.plans:
            yield from _slots(inner)


def _fill(plan: _Plan, variables: dict[str, Any]) -> Any:
    if isinstance(plan, _Text):
        return "".join([p if isinstance(p, str) else _text_of(p, variables) for p in plan.parts])
    filled: Any = plan.constant.copy()
    for place, inner in plan.plans:
        filled[place] = _fill(inner, variables)
    return filled


def _text_of(slot: _Slot, variables: dict[str, Any]) -> str:
    value = variables.get(slot.name)
    if isinstance(value, str):
        return value
    if value is None:
        if slot.fallback is None:
            raise MissingVariable(slot.name)
        return slot.fallback
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float) and math.isfinite(value):
        return msgspec.json.encode(value).decode()
    raise UnusableVariable(slot.name, value)
