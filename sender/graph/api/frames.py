"""Bodies made once for a run whose message is the same for everybody, with gaps for what differs."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import msgspec

_encode = msgspec.json.Encoder().encode


class Frame(msgspec.Struct, frozen=True):
    """A body with three gaps, each within a JSON string: recipient id, job id, attempt."""

    start: bytes
    to_job: bytes
    to_attempt: bytes
    end: bytes


def json_frame(fields: dict[str, str], message: dict[str, Any]) -> Frame:
    """Return the frame of a JSON body."""
    to_metadata, rest = _open_message(message)
    return Frame(
        start=b'{"recipient":{"id":"',
        to_job=b'"},' + _encode(fields)[1:-1] + b',"message":' + to_metadata,
        to_attempt=b";a=",
        end=rest + b"}",
    )


def form_frame(fields: dict[str, str], message: dict[str, Any]) -> Frame:
    """Return the frame of a form. Percent-encoding leaves nothing that JSON would have to escape around it."""
    to_metadata, rest = _open_message(message)
    return Frame(
        start=form({**fields, "recipient": b'{"id":"'}),
        to_job=quote(b'"}', safe="").encode() + b"&" + form({"message": to_metadata}),
        to_attempt=quote(";a=", safe="").encode(),
        end=quote(rest, safe="").encode(),
    )


def _open_message(message: dict[str, Any]) -> tuple[bytes, bytes]:
    """Return a message's JSON in two pieces, with the gap for job and attempt at the start of its metadata."""
    own = message.get("metadata")
    others = _encode({key: value for key, value in message.items() if key != "metadata"})
    behind = b";" + _encode(own)[1:-1] if own else b""
    return b'{"metadata":"j=', behind + b'"' + (b"," if len(others) > len(b"{}") else b"") + others[1:]


def form(fields: dict[str, Any]) -> bytes:
    """Return fields percent-encoded, as a batch's member has its body."""
    return "&".join([f"{name}={quote(value, safe='')}" for name, value in fields.items()]).encode()
