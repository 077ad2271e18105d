"""Ready request bytes for one run: single sends and Graph batches; knows no connection and reads no answer.

Nothing secret stands in a URL: the token goes into the `Authorization` header (into the body of a batch, where Meta
requires it), the `appsecret_proof` into the body (platform facts 1.2 and 4.1).
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

import msgspec

from schema.job import Job
from schema.run import Run
from sender.message.errors import NotSendable
from sender.message.limits import check_limits, check_recipient
from sender.message.template import MessageTemplate

MAX_BATCH = 50
"""Members of one batch; Meta refuses more (platform facts 4.1)."""

_HOST = re.compile(r"[A-Za-z0-9._-]+(:\d{1,5})?|\[[0-9A-Fa-f:]+\](:\d{1,5})?")
_BASE_PATH = re.compile(r"(/[A-Za-z0-9._~-]+)*/?")
_VERSION = re.compile(r"v\d+\.\d+")
_PAGE_ID = re.compile(r"[A-Za-z0-9_-]+")
_TOKEN = re.compile(r"[\x21-\x7e]+")

_encode = msgspec.json.Encoder().encode


class UnfitRequestPart(ValueError):
    """A part of a request could break out of its place; `part` names it. The value is not shown: it may be a secret."""

    def __init__(self, part: str, allowed: str) -> None:
        super().__init__(f"{part} cannot stand in a request: it must be {allowed}")
        self.part = part


def appsecret_proof(token: str, app_secret: str) -> str:
    """Return the proof that Meta asks for beside a token: HMAC-SHA256, lower-case hex (platform facts 1.2)."""
    return hmac.new(app_secret.encode(), token.encode(), hashlib.sha256).hexdigest()


class RequestForge:
    """Makes the requests of one run to one page with one token.

    The user's text is only ever encoded as a whole by the JSON encoder. For a run whose message is the same for
    everybody that is done once, and what is inserted later into its strings are ASCII digits and hex digits only.

    Args:
        run: whose messages these are.
        template: of `run.message`.
        host: of the `Host` header, with the port when it is not the scheme's.
        base_path: what stands before the version in the path; "" or "/" for Meta.
        version: like `v26.0`.
        token: the page's access token, in the clear.
        app_secret: adds the `appsecret_proof`.

    Raises:
        UnfitRequestPart: a part holds characters that could break out of its place.
    """

    def __init__(
        self,
        run: Run,
        template: MessageTemplate,
        *,
        host: str,
        base_path: str,
        version: str,
        token: str,
        app_secret: str | None,
    ) -> None:
        _check_parts(host=host, base_path=base_path, version=version, page_id=run.page_id, token=token)
        root = f"{base_path.rstrip('/')}/{version}"
        proof = {"appsecret_proof": appsecret_proof(token, app_secret)} if app_secret else {}
        fields = {"messaging_type": run.messaging_type, "tag": run.tag, "notification_type": run.notification_type}
        self._template = template
        self._fields = {name: value for name, value in fields.items() if value is not None}
        self._proof = proof
        self._send_head = _head(f"{root}/{run.page_id}/messages", host, token)
        self._batch_head = _head(f"{root}/", host, None)
        self._batch_open = _encode({"access_token": token, **proof, "include_headers": True})[:-1] + b',"batch":['
        self._member_open = _encode({"method": "POST", "relative_url": f"{run.page_id}/messages"})[:-1] + b',"body":"'
        self._refusal = _refusal_for_all(template)
        if template.constant:
            self._body = _json_frame(self._fields | proof, template.message)
            self._form = _form_frame(self._fields, template.message)

    def request(self, job: bytes, content: Job, attempt: int) -> bytes:
        """Return head and body of `POST /{version}/{page}/messages`.

        Raises:
            NotSendable: this recipient does not get the message: id, variable or length.
        """
        if self._template.constant:
            return _with_length(self._send_head, self._framed(self._body, job, content, attempt))
        recipient = {"id": content.recipient_id}
        message = self._filled(job, content, attempt)
        body = _encode({"recipient": recipient, **self._fields, **self._proof, "message": message})
        return _with_length(self._send_head, (body,))

    def member(self, job: bytes, content: Job, attempt: int) -> bytes:
        """Return the message as a member for `batch_request`.

        Raises:
            NotSendable: as in `request`.
        """
        if self._template.constant:
            return b"".join((self._member_open, *self._framed(self._form, job, content, attempt), b'"}'))
        recipient = _encode({"id": content.recipient_id})
        message = _encode(self._filled(job, content, attempt))
        return self._member_open + _form({**self._fields, "recipient": recipient, "message": message}) + b'"}'

    def batch_request(self, members: Sequence[bytes]) -> bytes:
        """Return a batch request of 1 to MAX_BATCH members, which may come from other runs of the same page."""
        if not 1 <= len(members) <= MAX_BATCH:
            raise ValueError(f"a batch has 1 to {MAX_BATCH} members, not {len(members)}")
        return _with_length(self._batch_head, (self._batch_open, b",".join(members), b"]}"))

    def _filled(self, job: bytes, content: Job, attempt: int) -> dict[str, Any]:
        """Return a message of its own for this recipient."""
        check_recipient(content.recipient_id)
        message = self._template.fill(content.variables)
        check_limits(message)
        own = message.get("metadata")
        mark = f"j={job.hex()};a={attempt}"
        message["metadata"] = f"{mark};{own}" if own else mark
        return message

    def _framed(self, frame: _Frame, job: bytes, content: Job, attempt: int) -> tuple[bytes, ...]:
        check_recipient(content.recipient_id)
        if self._refusal is not None:
            raise NotSendable(self._refusal.error_class, self._refusal.outcome, self._refusal.reason)
        recipient = content.recipient_id.encode()
        number = b"%d" % attempt
        return (frame.start, recipient, frame.to_job, job.hex().encode(), frame.to_attempt, number, frame.end)


class _Frame(msgspec.Struct, frozen=True):
    """A body with three gaps, each within a JSON string: recipient id, job id, attempt."""

    start: bytes
    to_job: bytes
    to_attempt: bytes
    end: bytes


def _json_frame(fields: dict[str, str], message: dict[str, Any]) -> _Frame:
    to_metadata, rest = _open_message(message)
    return _Frame(
        start=b'{"recipient":{"id":"',
        to_job=b'"},' + _encode(fields)[1:-1] + b',"message":' + to_metadata,
        to_attempt=b";a=",
        end=rest + b"}",
    )


def _form_frame(fields: dict[str, str], message: dict[str, Any]) -> _Frame:
    """Return the frame of a form. Percent-encoding leaves nothing that JSON would have to escape around it."""
    to_metadata, rest = _open_message(message)
    return _Frame(
        start=_form({**fields, "recipient": b'{"id":"'}),
        to_job=quote(b'"}', safe="").encode() + b"&" + _form({"message": to_metadata}),
        to_attempt=quote(";a=", safe="").encode(),
        end=quote(rest, safe="").encode(),
    )


def _open_message(message: dict[str, Any]) -> tuple[bytes, bytes]:
    """Return a message's JSON in two pieces, with the gap for job and attempt at the start of its metadata."""
    own = message.get("metadata")
    others = _encode({key: value for key, value in message.items() if key != "metadata"})
    behind = b";" + _encode(own)[1:-1] if own else b""
    return b'{"metadata":"j=', behind + b'"' + (b"," if len(others) > len(b"{}") else b"") + others[1:]


def _form(fields: dict[str, Any]) -> bytes:
    return "&".join([f"{name}={quote(value, safe='')}" for name, value in fields.items()]).encode()


def _refusal_for_all(template: MessageTemplate) -> NotSendable | None:
    """Return why nobody can get a message that is the same for everybody."""
    try:
        if template.constant:
            check_limits(template.message)
    except NotSendable as refusal:
        return refusal
    return None


def _head(path: str, host: str, token: str | None) -> bytes:
    """Return the head up to the number of its last field, `Content-Length`."""
    authorization = f"Authorization: Bearer {token}\r\n" if token is not None else ""
    return (
        f"POST {path} HTTP/1.1\r\nHost: {host}\r\n{authorization}Content-Type: application/json\r\nContent-Length: "
    ).encode("ascii")


def _with_length(head: bytes, body: tuple[bytes, ...]) -> bytes:
    return b"".join((head, b"%d\r\n\r\n" % sum(map(len, body)), *body))


def _check_parts(*, host: str, base_path: str, version: str, page_id: str, token: str) -> None:
    for part, value, form, allowed in (
        ("the Graph API's host", host, _HOST, "a host name or address, with or without a port"),
        ("the Graph API's path", base_path, _BASE_PATH, "empty or like /path"),
        ("the Graph API's version", version, _VERSION, "like v26.0"),
        ("the page id", page_id, _PAGE_ID, "letters, digits, _ and -"),
        ("the page's access token", token, _TOKEN, "visible ASCII characters without blanks"),
    ):
        if not form.fullmatch(value):
            raise UnfitRequestPart(part, allowed)
