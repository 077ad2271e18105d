"""The requests of one run: single sends and Graph batches; knows no connection and reads no answer.

Nothing secret stands in a URL: the token goes into the `Authorization` header (into the body of a batch, where Meta
requires it), the `appsecret_proof` into the body (platform facts 1.2 and 4.1).
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Sequence
from typing import Any
from urllib.parse import SplitResult, urlsplit, urlunsplit

import httpx
import msgspec

from schema.job import Job
from schema.run import Run
from sender.graph.api.frames import Frame, form, form_frame, json_frame
from sender.graph.http.request_bytes import DerivedRequest, ReadyRequest
from sender.message.errors import NotSendable
from sender.message.limits import check_limits
from sender.message.recipient_ids import check_recipient
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


class RequestFactory:
    """Makes the requests of one run to one page with one token.

    The user's text is only ever encoded as a whole by the JSON encoder. For a run whose message is the same for
    everybody that is done once, and what is inserted later into its strings are ASCII digits and hex digits only.

    Args:
        run: whose messages these are.
        template: of `run.message`.
        url: of the Graph API; a path in it stands before the version.
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
        url: str,
        version: str,
        token: str,
        app_secret: str | None,
    ) -> None:
        _check_parts(urlsplit(url), version=version, page_id=run.page_id, token=token)
        root = f"{url.rstrip('/')}/{version}"
        proof = {"appsecret_proof": appsecret_proof(token, app_secret)} if app_secret else {}
        fields = {"messaging_type": run.messaging_type, "tag": run.tag, "notification_type": run.notification_type}
        self._template = template
        self._fields = {name: value for name, value in fields.items() if value is not None}
        self._proof = proof
        json_body = {"Content-Type": "application/json"}
        self._single = ReadyRequest(f"{root}/{run.page_id}/messages", {"Authorization": f"Bearer {token}"} | json_body)
        self._batch = ReadyRequest(f"{root}/", json_body)
        self._batch_open = _encode({"access_token": token, **proof, "include_headers": True})[:-1] + b',"batch":['
        self._member_open = _encode({"method": "POST", "relative_url": f"{run.page_id}/messages"})[:-1] + b',"body":"'
        self._refusal = _refusal_for_all(template)
        if template.constant:
            self._body = json_frame(self._fields | proof, template.message)
            self._form = form_frame(self._fields, template.message)

    def single(self, job: bytes, content: Job, attempt: int) -> httpx.Request:
        """Return `POST /{version}/{page}/messages` with one message.

        Raises:
            NotSendable: this recipient does not get the message: id, variable or length.
        """
        if self._template.constant:
            return DerivedRequest(self._single, b"".join(self._framed(self._body, job, content, attempt)))
        recipient = {"id": content.recipient_id}
        message = self._filled(job, content, attempt)
        body = _encode({"recipient": recipient, **self._fields, **self._proof, "message": message})
        return DerivedRequest(self._single, body)

    def member(self, job: bytes, content: Job, attempt: int) -> bytes:
        """Return the message as a member for `batch`.

        Raises:
            NotSendable: as in `single`.
        """
        if self._template.constant:
            return b"".join((self._member_open, *self._framed(self._form, job, content, attempt), b'"}'))
        recipient = _encode({"id": content.recipient_id})
        message = _encode(self._filled(job, content, attempt))
        return self._member_open + form({**self._fields, "recipient": recipient, "message": message}) + b'"}'

    def batch(self, members: Sequence[bytes]) -> httpx.Request:
        """Return a batch request of 1 to MAX_BATCH members."""
        if not 1 <= len(members) <= MAX_BATCH:
            raise ValueError(f"a batch has 1 to {MAX_BATCH} members, not {len(members)}")
        return DerivedRequest(self._batch, b"".join((self._batch_open, b",".join(members), b"]}")))

    def _filled(self, job: bytes, content: Job, attempt: int) -> dict[str, Any]:
        """Return a message of its own for this recipient."""
        check_recipient(content.recipient_id)
        message = self._template.fill(content.variables)
        check_limits(message)
        own = message.get("metadata")
        mark = f"j={job.hex()};a={attempt}"
        message["metadata"] = f"{mark};{own}" if own else mark
        return message

    def _framed(self, frame: Frame, job: bytes, content: Job, attempt: int) -> tuple[bytes, ...]:
        check_recipient(content.recipient_id)
        if self._refusal is not None:
            raise NotSendable(self._refusal.error_class, self._refusal.outcome, self._refusal.reason)
        recipient = content.recipient_id.encode()
        number = b"%d" % attempt
        return (frame.start, recipient, frame.to_job, job.hex().encode(), frame.to_attempt, number, frame.end)


def _refusal_for_all(template: MessageTemplate) -> NotSendable | None:
    """Return why nobody can get a message that is the same for everybody."""
    try:
        if template.constant:
            check_limits(template.message)
    except NotSendable as refusal:
        return refusal
    return None


def _check_parts(url: SplitResult, *, version: str, page_id: str, token: str) -> None:
    for part, value, pattern, allowed in (
        ("the Graph API's host", url.netloc, _HOST, "a host name or address, with or without a port"),
        ("the Graph API's path", urlunsplit(("", "", *url[2:])), _BASE_PATH, "empty or like /path"),
        ("the Graph API's version", version, _VERSION, "like v26.0"),
        ("the page id", page_id, _PAGE_ID, "letters, digits, _ and -"),
        ("the page's access token", token, _TOKEN, "visible ASCII characters without blanks"),
    ):
        if not pattern.fullmatch(value):
            raise UnfitRequestPart(part, allowed)
