"""HTTP/1.1 answers: bytes in, at most one Response out. Knows no socket and no clock."""

from __future__ import annotations

import zlib

import httptools
import httpx

_DECODED_CODINGS = frozenset({b"gzip", b"x-gzip", b"deflate"})
_OF_THE_CODING = (b"content-encoding", b"content-length")


class Response(httpx.Response):
    """One complete answer: `content` can be read at once.

    `headers` are as the server wrote them, in order. A body in gzip or deflate is decoded, and the headers that
    described it are gone; any other content coding is left as it came.
    """

    def __init__(self, status: int, headers: list[tuple[bytes, bytes]], body: bytes) -> None:
        super().__init__(status, headers=headers, stream=httpx.ByteStream(body))
        self._body = body

    @property
    def content(self) -> bytes:
        """The decoded body."""
        return self._body


class BadAnswer(Exception):
    """Not a complete HTTP/1.1 answer within the limits; the text says why."""


class ResponseParser:
    """Parses the answers of one connection, one after the other.

    Args:
        max_head_bytes: limit of all that is not body: heads, interim answers, chunk sizes, trailers. Looked at after
            each `feed`, so the last piece fed may reach over it.
        max_body_bytes: limit of the body, both as received and after decoding.
    """

    __slots__ = (
        "_body",
        "_body_bytes",
        "_coding",
        "_complete",
        "_fed_bytes",
        "_head",
        "_headers",
        "_max_body_bytes",
        "_max_head_bytes",
        "_parser",
        "_status",
        "_without_body",
        "reusable",
    )

    def __init__(self, max_head_bytes: int, max_body_bytes: int) -> None:
        self._max_head_bytes = max_head_bytes
        self._max_body_bytes = max_body_bytes
        self._parser = httptools.HttpResponseParser(self)
        self.expect()

    def expect(self, *, without_body: bool = False) -> None:
        """Get ready for the next answer; those to HEAD and CONNECT have no body whatever their head says."""
        self.reusable = False
        self._without_body = without_body
        self._complete = False
        self._status = 0
        self._coding: bytes | None = None
        self._fed_bytes = self._body_bytes = 0
        self._body: list[bytes] = []
        self._head: list[tuple[bytes, bytes]] | None = None
        self._headers: list[tuple[bytes, bytes]] = []

    def feed(self, data: bytes) -> Response | None:
        """Take bytes from the peer; return the answer once it is complete. Afterwards `reusable` is set.

        Raises:
            BadAnswer: malformed or too large.
        """
        self._fed_bytes += len(data)
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade) as exc:
            if not self._complete:  # else it is rubbish behind a good answer, which `on_message_begin` has noted
                raise BadAnswer(f"not an HTTP answer: {exc}") from exc
        if self._body_bytes > self._max_body_bytes:
            raise BadAnswer(f"body over {self._max_body_bytes} bytes")
        if self._complete:
            return self._finish()
        if self._fed_bytes - self._body_bytes > self._max_head_bytes:
            raise BadAnswer(f"head over {self._max_head_bytes} bytes")
        return None

    def end(self) -> Response:
        """Take the peer's orderly end, which completes an answer that gives no length.

        Raises:
            BadAnswer: the answer is cut.
        """
        if self._head is None:
            raise BadAnswer("closed without an answer" if self._fed_bytes == 0 else "closed within the head")
        if any(name.lower() in (b"content-length", b"transfer-encoding") for name, _ in self._head):
            raise BadAnswer("closed within the body")
        return self._finish()

    def _finish(self) -> Response:
        body, headers = b"".join(self._body), self._head or []
        if self._coding in _DECODED_CODINGS:
            body = body and _inflated(body, self._max_body_bytes)
            headers = [header for header in headers if header[0].lower() not in _OF_THE_CODING]
        return Response(self._status, headers, body)

    # What follows is called by httptools, also for whatever comes behind a complete answer.

    def on_message_begin(self) -> None:
        """Note a second answer: nobody asked for it, so nothing on this connection can be trusted again."""
        if self._complete:
            self.reusable = False

    def on_header(self, name: bytes, value: bytes) -> None:
        """Collect a header; trailers come here too, after the head was put away."""
        self._headers.append((name, value))
        if len(name) == 16 and name.lower() == b"content-encoding" and self._head is None:
            self._coding = value.strip().lower()

    def on_headers_complete(self) -> None:
        """Put the head away."""
        if self._complete:
            return
        self._status = self._parser.get_status_code()
        self._head, self._headers = self._headers, []
        self._complete = self._without_body and self._status >= 200

    def on_body(self, data: bytes) -> None:
        """Collect a piece of the body."""
        if not self._complete:
            self._body.append(data)
            self._body_bytes += len(data)

    def on_message_complete(self) -> None:
        """Finish, or begin anew when this was only an interim answer (1xx)."""
        if self._complete:
            return
        if self._status < 200:
            self._head, self._headers, self._coding = None, [], None
            return
        self._complete = True
        self.reusable = self._parser.should_keep_alive()


def _inflated(body: bytes, max_bytes: int) -> bytes:
    """Decode gzip, zlib or bare deflate (which some servers send as `deflate`), never past the limit."""
    bare_deflate = body[0] & 0x0F != zlib.DEFLATED and body[:2] != b"\x1f\x8b"
    inflater = zlib.decompressobj(-zlib.MAX_WBITS if bare_deflate else zlib.MAX_WBITS | 32)
    try:
        decoded = inflater.decompress(body, max_bytes + 1)
    except zlib.error as exc:
        raise BadAnswer(f"body cannot be decoded: {exc}") from exc
    if len(decoded) > max_bytes:
        raise BadAnswer(f"decoded body over {max_bytes} bytes")
    if not inflater.eof or inflater.unused_data:
        raise BadAnswer("compressed body is cut or has bytes behind it")
    return decoded
