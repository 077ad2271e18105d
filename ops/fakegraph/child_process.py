"""Starting the stand-in Graph API as a child process from Trio; what the server does is in `server`."""

import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import trio

PROJECT = Path(__file__).resolve().parents[2]
STOP_S = 5.0


class FakeGraphDidNotStart(RuntimeError):
    """The child ended before it was ready; it has said why on standard error."""


@asynccontextmanager
async def open_fakegraph(*args: str) -> AsyncIterator[str]:
    """Run `python -m ops.fakegraph --port 0 ARGS` and yield its URL; it is gone afterwards.

    It also ends by itself when this process is killed, because its standard input then closes.

    Raises:
        FakeGraphDidNotStart: Wrong arguments, or no port.
    """
    process = await trio.lowlevel.open_process(
        [sys.executable, "-m", "ops.fakegraph", "--port", "0", "--until-stdin-closes", *args],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        start_new_session=True,  # Ctrl-C is for the parent, which then ends the child in order
        env=os.environ | {"PYTHONPATH": os.pathsep.join([str(PROJECT), *_python_path()])},
    )
    try:
        yield await _ready_url(process)
    finally:
        with trio.move_on_after(2 * STOP_S, shield=True):
            await _end(process)


def _python_path() -> list[str]:
    return list(filter(None, [os.environ.get("PYTHONPATH")]))


async def _ready_url(process: trio.Process) -> str:
    assert process.stdout is not None  # noqa: S101
    line = b""
    while not line.endswith(b"\n"):
        part = await process.stdout.receive_some()
        if not part:
            raise FakeGraphDidNotStart(f"the stand-in Graph API ended with exit code {await process.wait()}")
        line += part
    return str(json.loads(line)["url"])


async def _end(process: trio.Process) -> None:
    assert process.stdin is not None  # noqa: S101
    assert process.stdout is not None  # noqa: S101
    await process.stdin.aclose()
    with trio.move_on_after(STOP_S):
        await process.wait()
    if process.returncode is None:
        process.kill()
        await process.wait()
    await process.stdout.aclose()
