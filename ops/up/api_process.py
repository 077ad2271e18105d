"""Keeping the API in a process of its own: what people look at takes no time from sending, and cannot end it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from urllib.parse import urlsplit

import msgspec
import structlog
import trio
from pydantic import SecretStr
from pydantic_core import to_json

from ops.api.settings import ApiSettings
from ops.local.errors import describe_status
from ops.local.restarts import Restarts
from ops.up.api_child import STOP
from schema.runtime.settings import SettingsError
from schema.runtime.stop import Stop

log = structlog.get_logger()

PROJECT = Path(__file__).resolve().parents[2]
FIRST_PAUSE_S, LONGEST_PAUSE_S = 1.0, 60.0
WELL_AFTER_S = 60.0
"""Served for so long, the next pause is the first again."""
END_WITHIN_S = 5.0


class ApiDidNotStart(Exception):
    """The API's process ended before it served; it has said why on standard error."""


async def keep(
    settings: ApiSettings,
    stop: Stop,
    restarts: Restarts | None = None,
    *,
    task_status: trio.TaskStatus[str] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Serve until `stop`, in a process that is started again, after growing pauses, when it ends before.

    `started` gets the address as a URL; a later process serves at the same one. `restarts`: it is told how the local
    servers do.

    Raises:
        SettingsError: at its first start: the address cannot be bound, or would be open to everyone.
        ApiDidNotStart: it ended otherwise at its first start.
    """
    async with _child(settings) as child:
        url = await _address(child)
        settings = settings.model_copy(update={"api_port": urlsplit(url).port})
        task_status.started(url)
        pause_s = await _watch(child, stop, restarts, FIRST_PAUSE_S)
    while not stop.requested.is_set():
        with trio.move_on_after(pause_s):
            await stop.requested.wait()
            return
        async with _child(settings) as child:
            try:
                await _address(child)
            except (SettingsError, ApiDidNotStart) as exc:
                pause_s = min(2 * pause_s, LONGEST_PAUSE_S)
                log.error("api_not_started", detail=str(exc), again_in_s=pause_s)
            else:
                pause_s = await _watch(child, stop, restarts, min(2 * pause_s, LONGEST_PAUSE_S))


async def _watch(child: trio.Process, stop: Stop, restarts: Restarts | None, pause_s: float) -> float:
    """Wait until it has ended, passing stops on; return the pause before the next, which is this one or the first."""
    since_s = trio.current_time()
    saying = trio.Lock()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(_pass_on, child, saying, stop, nursery.cancel_scope)
        if restarts is not None:
            nursery.start_soon(_tell_states, child, saying, restarts)
        await child.wait()
        nursery.cancel_scope.cancel()
    if trio.current_time() - since_s >= WELL_AFTER_S:
        pause_s = FIRST_PAUSE_S
    if not stop.requested.is_set():
        log.error("api_ended", how=describe_status(child.returncode or 0), again_in_s=pause_s, then="sending goes on")
    return pause_s


async def _pass_on(child: trio.Process, saying: trio.Lock, stop: Stop, watching: trio.CancelScope) -> None:
    """Tell the child of both steps of a stop; one that has not ended some time after its drain is not waited for."""
    await stop.requested.wait()
    await _say(child, saying, STOP)
    with trio.move_on_after(stop.drain_s):
        await stop.cut_short.wait()
    await _say(child, saying, STOP)
    with trio.move_on_after(END_WITHIN_S):
        await stop.given_up.wait()
    watching.cancel()


async def _tell_states(child: trio.Process, saying: trio.Lock, restarts: Restarts) -> None:
    while True:
        changed = restarts.changed
        await _say(child, saying, msgspec.json.encode(restarts.states) + STOP)
        await changed.wait()


async def _say(child: trio.Process, saying: trio.Lock, line: bytes) -> None:
    assert child.stdin is not None  # noqa: S101 - it is a pipe
    with suppress(trio.BrokenResourceError):  # it has ended meanwhile
        async with saying:
            await child.stdin.send_all(line)


@asynccontextmanager
async def _child(settings: ApiSettings) -> AsyncIterator[trio.Process]:
    """Start one and yield it; it is gone afterwards.

    It has a process group of its own, so that Ctrl-C is for its parent, and the parent's session: the niceness of a
    process counts among those of its session only, where Linux groups them.
    """
    process = await trio.lowlevel.open_process(
        [sys.executable, "-P", "-m", "ops.up.api_child"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        process_group=0,
        env=os.environ | {"PYTHONPATH": os.pathsep.join([str(PROJECT), *_python_path()])},
    )
    assert process.stdin is not None  # noqa: S101
    assert process.stdout is not None  # noqa: S101
    try:
        with suppress(trio.BrokenResourceError):  # it has ended, which is seen later
            await process.stdin.send_all(as_line(settings))
        yield process
    finally:
        with trio.CancelScope(shield=True):
            await process.stdin.aclose()  # at which it ends by itself
            with trio.move_on_after(END_WITHIN_S):
                await process.wait()
            if process.returncode is None:
                process.kill()
                await process.wait()
            await process.stdout.aclose()


def as_line(settings: ApiSettings) -> bytes:
    """Return what the child reads, secrets included: they stand neither among its arguments nor in its environment."""
    values = {name: v.get_secret_value() if isinstance(v, SecretStr) else v for name, v in settings}
    return to_json(values) + STOP


def _python_path() -> list[str]:
    return list(filter(None, [os.environ.get("PYTHONPATH")]))


async def _address(child: trio.Process) -> str:
    """Return where it serves.

    Raises:
        SettingsError: with these settings it cannot.
        ApiDidNotStart: it ended.
    """
    assert child.stdout is not None  # noqa: S101
    line = b""
    while not line.endswith(b"\n"):
        if not (part := await child.stdout.receive_some()):
            raise ApiDidNotStart(f"the API {describe_status(await child.wait())} before it served")
        line += part
    told = msgspec.json.decode(line, type=dict[str, str | list[str]])
    if problems := told.get("problems"):
        raise SettingsError(list(problems))
    return str(told["url"])
