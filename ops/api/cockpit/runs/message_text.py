"""A message as people write it into a form: plain text, or the Send API's object as JSON. Pure."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import msgspec

from ops.api.cockpit.frame.writing import as_json


class BadMessage(Exception):
    """It cannot be read as a message; the text says what to write instead."""


def read_message(text: str) -> dict[str, Any]:
    """Return a message: what begins with a brace is JSON, everything else the text itself.

    Raises:
        BadMessage: it is empty, or no JSON object.
    """
    text = text.replace("\r\n", "\n").strip()
    if not text:
        raise BadMessage("the message is empty: write a text, or the Send API's message object as JSON")
    if not text.startswith("{") or text.startswith("{{"):
        return {"text": text}
    try:
        return msgspec.json.decode(text, type=dict[str, Any])
    except (msgspec.DecodeError, UnicodeEncodeError, RecursionError) as exc:
        raise BadMessage(f"the message begins with a brace and cannot be read as JSON: {exc}") from None


def as_text(message: dict[str, Any]) -> str:
    """Return a message as it would be written: the inverse of `read_message`."""
    text = message.get("text")
    if isinstance(text, str) and list(message) == ["text"]:
        with suppress(BadMessage):
            if read_message(text) == message:
                return text
    return as_json(message)
