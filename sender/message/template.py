"""A run's message for one recipient: variables filled in, limits and the 24-hour window checked; no request bytes.

Placeholders are `{{name}}` and `{{name|fallback}}` in any string of the message (keys are left alone), blanks around
name and fallback do not count. There is no escape: a `{{` that is no placeholder is a mistake, and a person's text
with braces comes from a variable, whose value is inserted once and not looked at again. A name is looked up as it
stands (`a.b` is one name).
"""

from __future__ import annotations

import math
import re
from typing import Any

import msgspec

from schema.outcomes import ErrorClass, Outcome

MAX_TEXT = 2000
"""Characters of `message.text` (platform facts 1.4)."""
MAX_METADATA = 1000
"""Characters of `message.metadata` (platform facts 1.4)."""
MAX_OWN_METADATA = MAX_METADATA - 50
"""What is left for a run's own metadata behind `j=<32 hex digits>;a=<attempt>;`."""
WINDOW_MS = 24 * 3600 * 1000
WINDOW_MARGIN_MS = 5 * 60 * 1000
"""Kept from the end of the window, for the message's way and for clocks (platform facts 6.3)."""

_WINDOWED = frozenset({"UPDATE", "RESPONSE"})
_DEEPEST = 64
_NAME = re.compile(r"[A-Za-z_][\w.]*")


class BadTemplate(Exception):
    """A run's message cannot be used. `position` says where, like `message.text, character 12`."""

    def __init__(self, position: str, reason: str) -> None:
        super().__init__(f"{position}: {reason}")
        self.position = position
        self.reason = reason


class NotSendable(Exception):
    """This message does not go to this recipient. `reason` is for people and holds no value of a variable."""

    def __init__(self, error_class: ErrorClass, outcome: Outcome, reason: str) -> None:
        super().__init__(reason)
        self.error_class = error_class
        self.outcome = outcome
        self.reason = reason


class MissingVariable(NotSendable):
    """The recipient lacks a variable that has no fallback."""

    def __init__(self, name: str, reason: str | None = None) -> None:
        super().__init__(ErrorClass.MISSING_VARIABLE, Outcome.FAILED, reason or f"the variable {name} is missing")
        self.name = name


class UnusableVariable(MissingVariable):
    """The recipient's variable is a list, an object or no finite number; a fallback does not stand in for it."""

    def __init__(self, name: str, value: object) -> None:
        super().__init__(name, f"the variable {name} is of type {type(value).__name__}, which is no text")


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

    def fill(self, variables: dict[str, Any] | None) -> dict[str, Any]:
        """Return the message for one recipient: a new object, or the run's own one when nothing is filled in.

        Raises:
            MissingVariable: or its kind UnusableVariable.
        """
        if self._plan is None:
            return self.message
        filled: dict[str, Any] = _fill(self._plan, variables or {})
        return filled


def check(recipient_id: str, filled: dict[str, Any]) -> None:
    """Check what Meta would refuse anyway.

    Raises:
        NotSendable: the id is not a string of digits, or a text is too long.
    """
    check_recipient(recipient_id)
    check_limits(filled)


def check_recipient(recipient_id: str) -> None:
    """Check that the id is a string of ASCII digits, nothing else.

    Raises:
        NotSendable: `invalid_recipient`.
    """
    if not (recipient_id.isascii() and recipient_id.isdigit()):
        raise NotSendable(ErrorClass.INVALID_RECIPIENT, Outcome.FAILED, "the recipient id is not a string of digits")


def check_limits(filled: dict[str, Any]) -> None:
    """Check the lengths of a filled message.

    Raises:
        NotSendable: `text_too_long`, or `bad_payload` for the run's own metadata.
    """
    text = filled.get("text")
    if isinstance(text, str) and len(text) > MAX_TEXT:
        reason = f"the text has {len(text)} characters, {MAX_TEXT} are allowed"
        raise NotSendable(ErrorClass.TEXT_TOO_LONG, Outcome.FAILED, reason)
    if len(filled.get("metadata", "")) > MAX_OWN_METADATA:
        reason = f"the metadata has over {MAX_OWN_METADATA} characters"
        raise NotSendable(ErrorClass.BAD_PAYLOAD, Outcome.FAILED, reason)


def outside_window(
    messaging_type: str, last_interaction_ms: int | None, now_ms: int, margin_ms: int = WINDOW_MARGIN_MS
) -> NotSendable | None:
    """Return why a message may not go to this person now, None when it may.

    `UPDATE` and `RESPONSE` are for 24 hours after the person's last action, less a margin; other types have rules
    of their own (platform facts 6). Both moments are ms since 1970 (UTC).
    """
    if messaging_type not in _WINDOWED:
        return None
    if last_interaction_ms is None:
        reason = "nothing is known of when the person last wrote"
    elif now_ms - last_interaction_ms >= WINDOW_MS - margin_ms:
        reason = "the person last wrote too long ago: the 24-hour window is closed"
    else:
        return None
    return NotSendable(ErrorClass.RECIPIENT_WINDOW, Outcome.SUPPRESSED, reason)


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
    name = name.strip()
    if "{{" in inside:
        raise BadTemplate(place, "{{ within a placeholder")
    if not _NAME.fullmatch(name):
        raise BadTemplate(
            place, f"{name[:40]!r} is not the name of a variable" if name else "no name between {{ and }}"
        )
    return _Slot(name, fallback.strip() if bar else None)


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
