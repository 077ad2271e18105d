"""A recipient's variables, as a message looks them up: flat, by names that compare as people read them. Pure."""

from __future__ import annotations

import math
import unicodedata
from typing import Any

import msgspec

from sender.message.errors import BadVariables

_DEEPEST = 8
"""Levels of objects within objects that a name such as `user.address.city` may go down."""


def normal_name(name: str) -> str:
    """Return a name as it compares: accents composed or not, and however many blanks, are one name."""
    if name.isascii() and name.isidentifier():
        return name
    return unicodedata.normalize("NFC", " ".join(name.split()))


def read_variables(text: str | None) -> dict[str, Any] | None:
    """Read a recipient's variables, JSON text; None when there are none.

    An object's members are found by their path (`user.first_name`), after a name that is written so. Numbers with a
    fraction or an exponent stay as they are written; so do whole ones beyond 64 bits, which MessagePack cannot hold.

    Raises:
        BadVariables: it is no JSON object, or holds a number that is none.
    """
    if text is None:
        return None
    try:
        found = _decoder.decode(text)
    except (msgspec.DecodeError, RecursionError):
        raise BadVariables("the variables are no JSON, or nested too deep") from None
    if found is None:
        return None
    if not isinstance(found, dict):
        raise BadVariables(f"the variables are no JSON object but a {_KINDS.get(type(found), 'number')}")
    flat: dict[str, Any] = {}
    _flatten(found, "", 1, flat)
    return flat


def written_number(text: str) -> str:
    """Return a number with a fraction or an exponent as the JSON has it. ValueError: nobody can read it."""
    if not math.isfinite(float(text)):
        raise ValueError("a number beyond all bounds")
    return text


class _Written(str):
    """Such a number, still to be looked at: its variable's name belongs into the error."""

    __slots__ = ()


_decoder = msgspec.json.Decoder(float_hook=_Written)
_KINDS = {list: "list", str: "text", bool: "truth value"}


def _flatten(members: dict[str, Any], path: str, depth: int, flat: dict[str, Any]) -> None:
    nested: list[tuple[str, dict[str, Any]]] = []
    for member, value in members.items():
        name = path + normal_name(member)
        if isinstance(value, dict):
            nested.append((name, value))
        flat.setdefault(name, _holdable(name, value))
    for name, inner in nested if depth < _DEEPEST else ():
        _flatten(inner, f"{name}.", depth + 1, flat)


def _holdable(name: str, value: Any) -> Any:
    """Empty a list or an object: it fills no placeholder itself."""
    if isinstance(value, dict | list):
        return type(value)()
    if isinstance(value, _Written):
        try:
            return written_number(str(value))
        except ValueError as exc:
            raise BadVariables(f"the variable {name} is {exc}") from None
    return str(value) if isinstance(value, int) and not -(2**63) <= value < 2**64 else value
