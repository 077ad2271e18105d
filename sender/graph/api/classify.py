"""What an answer of the Graph API means for its message; what follows is decided in sender.delivery.after_answer.

Order of decision: platform facts 2.5. In doubt an answer is `ambiguous`: the message may have gone out.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Annotated, Any, NamedTuple

import msgspec

from schema.event import MAX_ERROR_MESSAGE
from schema.outcomes import ErrorClass
from schema.runtime.logging import without_secrets
from sender.graph.api.error_table import look_up
from sender.graph.api.usage import HeaderOf, Usage, read_usage

_Number = Annotated[int, msgspec.Meta(ge=-(2**31), le=2**31 - 1)]
"""What the log's columns hold; a code beyond is no code."""

_MAX_TRACE = 100
_MAX_MESSAGE_ID = 1000
"""Characters; Meta's have about 90. What is longer might not fit into the log's topic."""
_UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """One answer, classified. `error_class` None: accepted, and `message_id` is set."""

    error_class: ErrorClass | None
    http_status: int
    message_id: str | None = None
    code: int | None = None
    subcode: int | None = None
    message: str | None = None
    """The error's text for people: at most MAX_ERROR_MESSAGE characters, credentials and control characters removed."""
    fbtrace_id: str | None = None
    usage: Usage | None = None
    recipient_id: str | None = None
    """Whom an accepted message went to, as the answer says."""
    misplaced: bool = False
    """Whether it is the answer to another request: whoever reads on here is told nothing but such."""
    unknown_code: bool = False
    """Whether the code stands in no table: it counts as `transient`, and somebody should look (platform facts 2.3)."""


class _Error(msgspec.Struct):
    code: _Number
    error_subcode: _Number | None = None
    message: Any = None
    fbtrace_id: Any = None


class _Body(msgspec.Struct):
    message_id: str | None = None
    recipient_id: Any = None
    error: _Error | None = None


class _Member(msgspec.Struct):
    code: _Number
    body: str
    headers: msgspec.Raw = msgspec.Raw()


class _Header(msgspec.Struct):
    name: str
    value: str


_body = msgspec.json.Decoder(_Body)
_members = msgspec.json.Decoder(list[msgspec.Raw])
_member = msgspec.json.Decoder(_Member | None)
_headers = msgspec.json.Decoder(list[msgspec.Raw])
_header = msgspec.json.Decoder(_Header)


def classify(status: int, header: HeaderOf, body: bytes | str) -> Answer:
    """Classify the answer to one message.

    Args:
        status: its HTTP status, which decides nothing but that a message id counts under 2xx only.
        header: looks a header up by its name in lower case.
        body: as decoded from its content coding.
    """
    usage = read_usage(header)
    content = _read(body)
    if content is None:
        return _ambiguous(status, "the answer cannot be read", usage)
    error, message_id = content.error, content.message_id
    if error is None:
        if not message_id or len(message_id) > _MAX_MESSAGE_ID or "\0" in message_id:
            return _ambiguous(status, "the answer has neither message id nor error", usage)
        if not 200 <= status < 300:
            return _ambiguous(status, "a message id under a status of failure", usage)
        whom = content.recipient_id if isinstance(content.recipient_id, str) else None
        return Answer(error_class=None, http_status=status, message_id=message_id, recipient_id=whom, usage=usage)
    if message_id is not None:
        return _ambiguous(status, "the answer has a message id and an error", usage)
    return _refused(status, error, usage)


def tied_to(answer: Answer, recipient_id: str) -> Answer:
    """Return the answer to a message to this person; one that names another person belongs to another request.

    An answer may name nobody (platform facts 1.5).
    """
    if answer.recipient_id is None or answer.recipient_id == recipient_id:
        return answer
    misplaced = _ambiguous(answer.http_status, "the answer is to a message to somebody else", answer.usage)
    return msgspec.structs.replace(misplaced, misplaced=True)


def classify_member(member: bytes | msgspec.Raw) -> Answer:
    """Classify one member of a batch's answer, given as its JSON text. `null` did not finish: ambiguous."""
    try:
        content = _member.decode(member)
    except _UNREADABLE:
        return _ambiguous(200, "the batch member cannot be read")
    if content is None:
        return _ambiguous(200, "the batch member did not finish")
    return classify(content.code, _header_of(content.headers), content.body)


def split_batch(status: int, header: HeaderOf, body: bytes, size: int) -> list[Answer] | Answer:
    """Classify the answer to a batch of `size` messages (platform facts 4).

    Returns:
        One answer for each member, in order; or a single one when the batch was refused as a whole: nobody was sent.
    """
    try:
        members = _members.decode(body)
    except _UNREADABLE:
        whole = classify(status, header, body)
        if whole.error_class is None or whole.error_class is ErrorClass.AMBIGUOUS:
            return [_lost_batch(whole)] * size
        return whole
    usage = read_usage(header)
    if len(members) != size:
        return [_ambiguous(status, f"{len(members)} answers to a batch of {size}", usage)] * size
    answers = [classify_member(member) for member in members]
    return answers if usage is None else _with_outer(answers, usage)


class Oddities(NamedTuple):
    """What the answers of one response have that Meta's pages do not describe."""

    malformed_headers: int
    unknown_codes: int


_NOTHING_ODD = Oddities(0, 0)


def oddities(answers: Sequence[Answer]) -> Oddities:
    """Count what is odd in the answers of one response; one that all members of a batch share has its headers once."""
    odd = [a for a in answers if a.unknown_code or (a.usage is not None and a.usage.malformed)]
    if not odd:
        return _NOTHING_ODD
    usages = {id(answer): answer.usage for answer in odd}.values()
    return Oddities(
        malformed_headers=sum(usage.malformed for usage in usages if usage is not None),
        unknown_codes=sum(answer.unknown_code for answer in odd),
    )


def _with_outer(answers: list[Answer], outer: Usage) -> list[Answer]:
    """Give each member of a batch the worse of the batch's usage and its own; malformed outer headers count once."""
    again = msgspec.structs.replace(outer, malformed=0)
    first = outer
    merged = []
    for answer in answers:
        usage = first if answer.usage is None else answer.usage.worse_of(first)
        merged.append(msgspec.structs.replace(answer, usage=usage))
        first = again
    return merged


def _refused(status: int, error: _Error, usage: Usage | None) -> Answer:
    text = error.message if isinstance(error.message, str) else ""
    found = look_up(error.code, error.error_subcode, text)
    return Answer(
        error_class=found or ErrorClass.TRANSIENT,
        http_status=status,
        code=error.code,
        subcode=error.error_subcode,
        message=_presentable(text, MAX_ERROR_MESSAGE) or None,
        fbtrace_id=_presentable(error.fbtrace_id, _MAX_TRACE) if isinstance(error.fbtrace_id, str) else None,
        usage=usage,
        unknown_code=found is None,
    )


def _read(body: bytes | str) -> _Body | None:
    """Return what an answer holds.

    Where its texts have bytes or control characters that JSON does not allow, only an error counts: a message id beside
    them may be broken too.
    """
    try:
        return _body.decode(body)
    except _UNREADABLE:
        pass
    try:
        text = body if isinstance(body, str) else body.decode(errors="replace")
        content = msgspec.convert(json.loads(text, strict=False), _Body)
    except (ValueError, RecursionError, msgspec.ValidationError):
        return None
    return content if content.error is not None else None


def _ambiguous(status: int, reason: str, usage: Usage | None = None) -> Answer:
    return Answer(error_class=ErrorClass.AMBIGUOUS, http_status=status, message=reason, usage=usage)


def _lost_batch(whole: Answer) -> Answer:
    """Return what each member of a batch is told whose answer is neither a list nor a refusal."""
    return msgspec.structs.replace(
        whole,
        error_class=ErrorClass.AMBIGUOUS,
        message_id=None,
        message=whole.message or "the answer to the batch is not a list",
    )


def _presentable(text: str, longest: int) -> str:
    """Cut, without credentials, and without the control characters that a database may refuse."""
    clean = without_secrets(text[: 4 * longest])[:longest]
    return clean if clean.isprintable() else "".join(c if c.isprintable() else " " for c in clean)


def _no_header(_name: bytes) -> None:
    return None


def _header_of(raw: msgspec.Raw) -> HeaderOf:
    """Look-up in a member's headers, read only when one of them can matter."""
    text = bytes(raw).lower()
    if b"-usage" not in text and b"retry-after" not in text:
        return _no_header
    try:
        listed = _headers.decode(raw)
    except _UNREADABLE:
        return _no_header
    return {h.name.lower().encode(): h.value.encode() for h in _each_header(listed)}.get


def _each_header(listed: list[msgspec.Raw]) -> Iterator[_Header]:
    """Yield those that are one."""
    for raw in listed:
        try:
            yield _header.decode(raw)
        except _UNREADABLE:
            continue
