"""Makes valid HTTP/1.1 answers of every shape, as bytes beside what must be read from them."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Callable
from dataclasses import dataclass

from hypothesis import strategies as st

INTERIM = b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n"


@dataclass(frozen=True)
class Answer:
    """A valid byte stream and its meaning."""

    wire: bytes
    status: int
    body: bytes
    ends_with_the_connection: bool


def _deflated(data: bytes) -> bytes:
    bare = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return bare.compress(data) + bare.flush()


CODINGS: dict[bytes | None, Callable[[bytes], bytes]] = {
    None: lambda data: data,
    b"gzip": gzip.compress,
    b"deflate": zlib.compress,
    b"Deflate": _deflated,
    b"br": lambda data: data,  # not ours to decode: left as it is
}


def compose(
    status: int,
    body: bytes,
    coding: bytes | None = None,
    framing: str = "length",
    *,
    chunk_bytes: int = 50,
    interim: int = 0,
) -> Answer:
    """Write an answer as a server would, with `interim` answers (1xx) before it."""
    payload = CODINGS[coding](body)
    head = [b"HTTP/1.1 %d Whatever" % status, b"X-Empty:", b"Facebook-Api-Version: v26.0"]
    if coding is not None:
        head.append(b"Content-Encoding: " + coding)
    if framing == "length":
        head.append(b"Content-Length: %d" % len(payload))
    if framing == "chunked":
        head.append(b"Transfer-Encoding: chunked")
        pieces = [payload[at : at + chunk_bytes] for at in range(0, len(payload), chunk_bytes)]
        payload = b"".join(b"%x;note=1\r\n%b\r\n" % (len(piece), piece) for piece in pieces)
        payload += b"0\r\nX-Trailer: 1\r\nContent-Encoding: gzip\r\n\r\n"
    wire = INTERIM * interim + b"\r\n".join(head) + b"\r\n\r\n" + payload
    return Answer(wire, status, body, framing == "end")


def answers(*framings: str) -> st.SearchStrategy[Answer]:
    """Answers whose body's end is told by `length`, `chunked` or `end` (of the connection)."""
    return st.builds(
        compose,
        status=st.sampled_from([200, 400, 403, 500, 502]),
        body=st.binary(max_size=300),
        coding=st.sampled_from(list(CODINGS)),
        framing=st.sampled_from(framings),
        chunk_bytes=st.integers(1, 400),
        interim=st.integers(0, 2),
    )


@st.composite
def pieces(draw: st.DrawFn, data: bytes) -> list[bytes]:
    """Cut bytes into pieces anywhere, one possibly empty stream of them."""
    cuts = sorted(draw(st.sets(st.integers(1, max(1, len(data) - 1)), max_size=12)))
    return [data[start:stop] for start, stop in zip([0, *cuts], [*cuts, len(data)], strict=True) if start < stop]
