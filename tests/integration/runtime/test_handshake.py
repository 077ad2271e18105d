"""A handshake and nothing else: servers that are away, odd, or silent, and names that are none."""

from __future__ import annotations

import ssl
from functools import partial

import pytest
import trio

from schema.runtime.asyncio_door import aio
from schema.runtime.handshake import handshake_error
from schema.runtime.tls_trouble import NO_ANSWER
from tests.ports import free_port


@pytest.mark.parametrize("host", ["127.0.0.1", "a..b", ".example.test", "x" * 300, "no-such-host.invalid", "", "\0"])
@pytest.mark.parametrize("checked", [True, False])
async def test_server_that_cannot_be_reached_is_no_trouble_of_tls(
    asyncio_loop: object, host: str, checked: bool
) -> None:
    context = ssl.create_default_context() if checked else None
    assert await aio(handshake_error, host, free_port(), context) is None


@pytest.mark.parametrize("name", ["a..b", ".example.test", "", "ü" * 70])
async def test_name_that_no_certificate_can_have_is_no_trouble_of_tls(asyncio_loop: object, name: str) -> None:
    async with trio.open_nursery() as nursery:
        [listener] = await nursery.start(partial(trio.serve_tcp, _hang_up, 0, host="127.0.0.1"))
        port = listener.socket.getsockname()[1]
        error = await aio(partial(handshake_error, name, port, ssl.create_default_context(), at="127.0.0.1"))
        assert error is None or str(error) == NO_ANSWER
        nursery.cancel_scope.cancel()


@pytest.mark.parametrize(
    "said", [b"", b"S", b"N", b"HTTP/1.1 400 Bad Request\r\n\r\n", b"\x15\x03\x01\x00\x02\x02\x46"]
)
@pytest.mark.parametrize("postgres", [True, False])
async def test_server_that_says_odd_things_is_told_of_in_words_of_ours(
    asyncio_loop: object, said: bytes, postgres: bool
) -> None:
    async def answer(stream: trio.SocketStream) -> None:
        await stream.send_all(said)
        await stream.receive_some(100)

    async with trio.open_nursery() as nursery:
        [listener] = await nursery.start(partial(trio.serve_tcp, answer, 0, host="127.0.0.1"))
        port = listener.socket.getsockname()[1]
        ask = partial(handshake_error, "127.0.0.1", port, postgres=postgres)
        assert await aio(partial(ask, context=None)) is None
        error = await aio(partial(ask, context=ssl.create_default_context()))
        assert error is None or str(error) == NO_ANSWER or isinstance(error, ssl.SSLError)
        nursery.cancel_scope.cancel()


async def _hang_up(stream: trio.SocketStream) -> None:
    await stream.aclose()
