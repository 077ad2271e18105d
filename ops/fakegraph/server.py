"""The process: one event loop, one listener, until a signal; nothing here is touched per request."""

import asyncio
import json
import os
import signal
import ssl
import sys
import threading
from collections.abc import Callable
from typing import Any

from ops.fakegraph.connection import Connection, Connections
from ops.fakegraph.control import Control
from ops.fakegraph.graph import Graph
from ops.fakegraph.listener import Listener
from ops.fakegraph.options import FakeGraphOptions, FakeGraphUsageError
from ops.fakegraph.tls import make_certificates, server_context

NEW_EVENT_LOOP: Callable[[], asyncio.AbstractEventLoop]
try:
    import uvloop
except ImportError:  # it costs more CPU without, but it works
    NEW_EVENT_LOOP = asyncio.new_event_loop
else:
    NEW_EVENT_LOOP = uvloop.new_event_loop


def run(options: FakeGraphOptions) -> None:
    """Serve until SIGTERM or SIGINT (or the end of standard input, if so asked); blocks.

    Prints one line, `{"url": "http://127.0.0.1:PORT"}`, on standard output when it is ready.

    Raises:
        FakeGraphUsageError: An option that cannot be carried out.
        OSError: The address is taken or not ours.
    """
    tls = _tls(options)
    graph = Graph(options)
    with asyncio.Runner(loop_factory=NEW_EVENT_LOOP) as runner:
        runner.run(_serve(options, tls, graph))


async def _serve(options: FakeGraphOptions, tls: ssl.SSLContext | None, graph: Graph) -> None:
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(_report)
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    if options.until_stdin_closes:
        _on_end_of_stdin(lambda: loop.call_soon_threadsafe(stop.set))
    connections = Connections()
    listener = Listener(options, tls, lambda: Connection(graph, connections, control.serve))
    control = Control(graph, connections, listener)
    await listener.open()
    control.refusals.plan(graph.behaviour.outages.refusing)
    print(json.dumps({"url": listener.url}), flush=True)
    await stop.wait()
    listener.close()
    connections.abort()


def _tls(options: FakeGraphOptions) -> ssl.SSLContext | None:
    if options.tls_self_signed is not None:
        return server_context(*make_certificates(options.tls_self_signed))
    if options.tls_cert is not None and options.tls_key is not None:
        try:
            return server_context(options.tls_cert, options.tls_key)
        except (OSError, ssl.SSLError) as exc:
            raise FakeGraphUsageError(f"--tls-cert and --tls-key cannot be used: {exc}") from exc
    return None


def _on_end_of_stdin(stop: Callable[[], object]) -> None:
    # A thread, because an event loop cannot watch every kind of standard input. os.read, because a
    # thread inside sys.stdin holds a lock that the interpreter needs when it ends.
    def wait() -> None:
        while os.read(sys.stdin.fileno(), 4096):
            pass
        stop()

    threading.Thread(target=wait, name="stdin", daemon=True).start()


def _report(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """Clients that vanish, or do not trust the certificate, are the daily bread of a test server."""
    if not isinstance(context.get("exception"), OSError):
        loop.default_exception_handler(context)
