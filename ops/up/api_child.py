"""The API as a process of `newar up`: told its settings, and to stop, by the pipe on its standard input.

The first line has the settings. Each later one tells how the local servers do; an empty one is a stop. The pipe ends
when its parent does, however that ends; signals are for the parent, which passes a stop on. On standard
output goes one line of JSON: `{"url": …}` once it serves, or `{"problems": […]}` of settings that cannot be used.
"""

from __future__ import annotations

import os
import signal
import sys
from contextlib import suppress

import msgspec
import trio

from ops.api.app import serve
from ops.api.settings import ApiSettings
from ops.local.restarts import States
from ops.shell.collector import spare_the_collector
from ops.shell.exits import WRONG_USAGE, leaves
from ops.shell.said import report
from schema.runtime.asyncio_door import open_asyncio
from schema.runtime.logging import configure_logging
from schema.runtime.settings import SettingsError, load
from schema.runtime.stop import Stop

STOP = b"\n"
"""An empty line: what the parent writes for a stop, and once more to cut it short."""
NICENESS = 7
"""Looking on takes hardly any processor from sending while both want it: a fifth of what an equal would get, so less
than a twentieth of two that others keep busy. With a lower one, open pages would not be answered then."""


def main() -> int:
    """Serve until told to stop, or left alone; the exit code."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGTTOU):
        signal.signal(number, signal.SIG_IGN)
    with suppress(OSError):  # where not even this is allowed, it serves all the same
        os.nice(NICENESS)
    configure_logging("api")
    spare_the_collector()
    try:
        trio.run(_main)
    except Exception as exc:
        problems = [problem for e in leaves(exc) if isinstance(e, SettingsError) for problem in e.problems]
        if not problems:
            return report(exc)
        _tell({"problems": problems})
        return WRONG_USAGE
    return 0


async def _main() -> None:
    async with trio.lowlevel.FdStream(os.dup(0)) as parent:
        told = b""
        while STOP not in told:
            if not (part := await parent.receive_some()):
                return
            told += part
        line, _, rest = told.partition(b"\n")
        settings = load(ApiSettings, env_file=None, **msgspec.json.decode(line, type=dict[str, object]))
        stop, servers = Stop(settings.drain_timeout_ms / 1000), States()
        async with trio.open_nursery() as listening:
            listening.start_soon(_obey, parent, rest, stop, servers)
            async with open_asyncio(), trio.open_nursery() as serving:
                _tell({"url": await serving.start(serve, settings, stop, servers)})
            listening.cancel_scope.cancel()


async def _obey(parent: trio.lowlevel.FdStream, rest: bytes, stop: Stop, servers: States) -> None:
    while True:
        *lines, rest = rest.split(b"\n")
        for line in lines:
            if line:
                servers.update(msgspec.json.decode(line, type=States))
            else:
                stop.request()
        if not (part := await parent.receive_some()):
            break
        rest += part
    stop.cut()  # nobody is there any more


def _tell(what: dict[str, object]) -> None:
    sys.stdout.buffer.write(msgspec.json.encode(what) + b"\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
