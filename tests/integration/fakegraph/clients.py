"""Clients of the stand-in: requests with httpx and byte by byte, and its own control."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any
from urllib.parse import urlsplit

import httpx
import trio

from ops.fakegraph.child_process import open_fakegraph
from tests.patience import patience_s

MESSAGES = "/v26.0/100/messages"


def send_body(recipient_id: str = "7", job: str = "0f") -> dict[str, Any]:
    return {"recipient": {"id": recipient_id}, "message": {"text": "Hi", "metadata": f"j={job};a=1"}}


def raw_request(recipient_id: str = "7", *, headers: str = "") -> bytes:
    body = json.dumps(send_body(recipient_id)).encode()
    head = f"POST {MESSAGES} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer t\r\n{headers}"
    return f"{head}Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body


@asynccontextmanager
async def fakegraph(*args: str) -> AsyncIterator[httpx.AsyncClient]:
    """A server with these flags, and a client of it that sends a token."""
    with trio.fail_after(patience_s()):
        async with (
            open_fakegraph(*args) as url,
            httpx.AsyncClient(
                base_url=url, headers={"Authorization": "Bearer t"}, trust_env=False, timeout=patience_s()
            ) as client,
        ):
            yield client


async def connect(client: httpx.AsyncClient) -> trio.SocketStream:
    address = urlsplit(str(client.base_url))
    assert address.hostname is not None
    assert address.port is not None
    return await trio.open_tcp_stream(address.hostname, address.port)


async def read_to_end(stream: trio.abc.ReceiveStream) -> bytes:
    return b"".join([part async for part in stream])


async def until_it_ends(stream: trio.SocketStream) -> None:
    """Wait for the server's end of it to close, cleanly or not, without another byte."""
    with suppress(trio.BrokenResourceError):
        assert await stream.receive_some() == b""


async def read_answers(stream: trio.SocketStream, count: int) -> list[dict[str, Any]]:
    """The bodies of that many answers with a content-length."""
    bodies: list[dict[str, Any]] = []
    data = b""
    while len(bodies) < count:
        head, end, rest = data.partition(b"\r\n\r\n")
        length = int(head.rpartition(b"content-length: ")[2]) if end else 0
        if end and len(rest) >= length:
            bodies.append(json.loads(rest[:length]))
            data = rest[length:]
            continue
        part = await stream.receive_some()
        assert part, "the connection ended within an answer"
        data += part
    return bodies


async def counts(client: httpx.AsyncClient) -> dict[str, Any]:
    return dict((await client.get("/__requests")).json())


async def control(client: httpx.AsyncClient, **change: object) -> dict[str, Any]:
    return dict((await client.post("/__control", json=change)).raise_for_status().json())


async def until_requests(client: httpx.AsyncClient, number: int) -> None:
    """Wait until the server has read so many requests."""
    while (await counts(client))["requests"] < number:  # noqa: ASYNC110 - another process counts
        await trio.sleep(0.005)
