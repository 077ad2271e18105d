"""`python -m ops.bench.delay HOST:PORT MS`: a door to a server that holds everything back for so long, each way.

Prints its own port. It lets as much through at once as comes: only time is added, as a longer way does. Stops when its
standard input ends.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

import trio

from ops.fakegraph.child_process import PROJECT

_CHUNK = 256 * 1024
_MOST_WAITING = 4096


@asynccontextmanager
async def open_delay(host: str, port: int, delay_ms: float) -> AsyncIterator[int]:
    """Keep such a door in a process of its own; yields its port on 127.0.0.1."""
    process = await trio.lowlevel.open_process(
        [sys.executable, "-m", "ops.bench.delay", f"{host}:{port}", str(delay_ms)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=PROJECT,
    )
    assert process.stdin is not None  # noqa: S101 - asked for
    assert process.stdout is not None  # noqa: S101
    try:
        line = b""
        while not line.endswith(b"\n"):
            line += await process.stdout.receive_some()
        yield int(line)
    finally:
        with trio.CancelScope(shield=True):
            await process.stdin.aclose()
            await process.wait()
            await process.stdout.aclose()


async def _serve(host: str, port: int, delay_s: float) -> None:
    async with trio.open_nursery() as nursery:
        listeners = await nursery.start(
            partial(trio.serve_tcp, partial(_pass, host, port, delay_s), 0, host="127.0.0.1")
        )
        print(listeners[0].socket.getsockname()[1], flush=True)
        await trio.to_thread.run_sync(sys.stdin.read)
        nursery.cancel_scope.cancel()


async def _pass(host: str, port: int, delay_s: float, client: trio.SocketStream) -> None:
    async with client, await trio.open_tcp_stream(host, port) as server, trio.open_nursery() as nursery:
        nursery.start_soon(_forward, client, server, delay_s, nursery.cancel_scope)
        nursery.start_soon(_forward, server, client, delay_s, nursery.cancel_scope)


async def _forward(
    source: trio.SocketStream, target: trio.SocketStream, delay_s: float, both: trio.CancelScope
) -> None:
    send, receive = trio.open_memory_channel[tuple[float, bytes]](_MOST_WAITING)

    async def deliver() -> None:
        async for due, data in receive:
            await trio.sleep_until(due)
            await target.send_all(data)

    try:
        async with trio.open_nursery() as nursery, send:
            nursery.start_soon(deliver)
            while data := await source.receive_some(_CHUNK):
                await send.send((trio.current_time() + delay_s, data))
    except (trio.BrokenResourceError, trio.ClosedResourceError, BaseExceptionGroup):
        pass
    both.cancel()


if __name__ == "__main__":
    address, ms = sys.argv[1:]
    server_host, _, server_port = address.rpartition(":")
    trio.run(_serve, server_host, int(server_port), float(ms) / 1000)
