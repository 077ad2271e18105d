"""Reading requests: path, token and message from JSON, form or query; what is answered is decided in graph."""

import re
from urllib.parse import unquote_to_bytes

import msgspec

KNOWN_VERSIONS = range(22, 27)  # alive in November 2026; facts, section 1.1
PATH = re.compile(rb"/?(?:v(\d+)\.0(?:/|$))?(?:(\d+|me)/messages)?/?")

Fields = dict[bytes, bytes]


class Request(msgspec.Struct, gc=False):
    """One HTTP request, still in bytes; `reused` says whether its connection had served one before."""

    method: bytes
    url: bytes
    authorization: bytes
    content_type: bytes
    body: bytes
    reused: bool


class Target(msgspec.Struct, frozen=True):
    """What a path names: a page's messages, a batch (no page), or nothing that exists."""

    page_id: str
    exists: bool


class Recipient(msgspec.Struct, frozen=True, gc=False):
    """The recipient object; only plain page-scoped ids are modelled."""

    id: str | int = ""


class Message(msgspec.Struct, frozen=True, gc=False):
    """The message object, as far as the ledger needs it."""

    metadata: str = ""


class Send(msgspec.Struct, gc=False):
    """One message to send."""

    recipient: Recipient = Recipient()
    message: Message | None = None
    access_token: str = ""

    @property
    def recipient_id(self) -> str:
        """The id, or an empty text when it has not the form of one."""
        text = str(self.recipient.id)
        return text if text.isascii() and text.isdigit() else ""

    @property
    def metadata(self) -> str:
        """The sender's own text, that comes back in the echo webhook."""
        return self.message.metadata if self.message is not None else ""


class Member(msgspec.Struct):
    """One member of a batch request."""

    relative_url: str
    method: str = "GET"
    body: str = ""


class RawBatch(msgspec.Struct):
    """A batch request as it comes: `batch` may be JSON text, and a form has only texts."""

    batch: list[Member] | str
    access_token: str = ""
    include_headers: bool | str = True


class Batch(msgspec.Struct):
    """A batch request; `with_headers` says whether each member's answer carries its headers."""

    members: list[Member]
    access_token: str = ""
    with_headers: bool = True
    readable: bool = True


FORM = b"application/x-www-form-urlencoded"
SEND = msgspec.json.Decoder(Send)
RECIPIENT = msgspec.json.Decoder(Recipient)
MESSAGE = msgspec.json.Decoder(Message)
BATCH = msgspec.json.Decoder(RawBatch)
MEMBERS = msgspec.json.Decoder(list[Member])


def read_target(path: bytes) -> Target:
    """What the path (without query) names."""
    match = PATH.fullmatch(path)
    if match is None:
        return Target("", exists=False)
    known = match[1] is None or int(match[1]) in KNOWN_VERSIONS
    return Target((match[2] or b"").decode(), exists=known)


def read_fields(text: bytes) -> Fields:
    """The fields of a form or a query."""
    fields: Fields = {}
    for part in text.split(b"&"):
        name, _, value = part.partition(b"=")
        fields[name] = unquote_to_bytes(value.replace(b"+", b" "))
    return fields


def read_send(body: bytes, content_type: bytes, query: Fields) -> Send:
    """The message of a request, from JSON unless the content type says form, or from the query.

    What cannot be read has no message, which is what Meta complains of, too.
    """
    if not body or content_type.startswith(FORM):
        return send_of_fields(query | read_fields(body))
    try:
        return SEND.decode(body)
    except msgspec.DecodeError:
        return Send()


def send_of_fields(fields: Fields) -> Send:
    """The message of a form, in which objects are JSON text; without message when that cannot be read."""
    recipient, message = fields.get(b"recipient"), fields.get(b"message")
    token = token_of_fields(fields)
    try:
        return Send(
            recipient=RECIPIENT.decode(recipient) if recipient else Recipient(),
            message=MESSAGE.decode(message) if message else None,
            access_token=token,
        )
    except msgspec.DecodeError:
        return Send(access_token=token)


def read_batch(body: bytes, content_type: bytes, query: Fields) -> Batch:
    """The batch of a request, from JSON unless the content type says form, or from the query."""
    try:
        if body and not content_type.startswith(FORM):
            outer = BATCH.decode(body)
        else:
            outer = _batch_of_fields(query | read_fields(body))
        members = MEMBERS.decode(outer.batch) if isinstance(outer.batch, str) else outer.batch
    except msgspec.DecodeError:
        return Batch([], readable=False)
    with_headers = str(outer.include_headers).lower() not in {"false", "0"}
    return Batch(members, outer.access_token, with_headers)


def _batch_of_fields(fields: Fields) -> RawBatch:
    return RawBatch(
        batch=fields.get(b"batch", b"").decode("utf-8", "replace"),
        access_token=token_of_fields(fields),
        include_headers=fields.get(b"include_headers", b"true").decode("utf-8", "replace"),
    )


def token_of_header(authorization: bytes) -> str:
    """The token of `Bearer TOKEN` (or `OAuth TOKEN`); an empty text without one."""
    return authorization.partition(b" ")[2].decode("latin-1")


def token_of_fields(fields: Fields) -> str:
    """The token of a form or a query; an empty text without one."""
    return fields.get(b"access_token", b"").decode("utf-8", "replace")
