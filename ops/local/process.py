"""Running one server under its guard: start, wait until it answers, notice its death, stop it for sure."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, NoReturn

import trio

from ops.local.errors import LocalServerDied, LocalServerFailed, describe_status
from ops.local.place import Place

GUARD = Path(__file__).with_name("guard.py")
ANSWER_DEADLINE_S = 60.0  # crash recovery of a database takes its time
RECOVERED_WITHIN_S = 1800.0  # cut short, it would begin anew each time
STOP_DEADLINE_S = 18.0  # a guard needs at most 3 times 5 s; this is for a guard that does not do its work
_PROBE_INTERVAL_S = 0.02
_PROBE_DEADLINE_S = 0.5
_PORT_ATTEMPTS = 5


@dataclass(frozen=True)
class LocalServer:
    """What has to be known of a server to run it.

    Attributes:
        command: Its program and arguments for a port; never a secret among them, everybody can read a process list.
        answers: Whether it, and not a stranger, serves on the port now.
        address: What a client needs to reach it there.
        make_ready: What has to happen in its place before it starts.
        stop_signals: Sent one after the other, 5 s apart, to stop it; SIGKILL is the last.
    """

    command: Callable[[int], Sequence[str | Path]]
    answers: Callable[[int], Awaitable[bool]]
    address: Callable[[int], str]
    make_ready: Callable[[], Awaitable[None]] | None = None
    stop_signals: tuple[signal.Signals, ...] = (signal.SIGTERM,)


async def keep_running(
    place: Place, server: LocalServer, started: Callable[[int], None], *, port: int | None = None
) -> NoReturn:
    """Run `server` until cancelled, which stops it; `started` gets its port once it answers.

    `port`: of its former life, whose clients look for it there; it may take longer to recover. None: any.

    Raises:
        LocalServerFailed: It ended, or did not answer in time.
        LocalServerDied: It ended later.
    """
    if server.make_ready:
        await server.make_ready()
    within_s = RECOVERED_WITHIN_S if port else ANSWER_DEADLINE_S
    for _ in range(1 if port else _PORT_ATTEMPTS):
        chosen = port or _free_port()
        async with guarded(place, server.command(chosen), server.stop_signals) as guard:
            if await _answers(place, guard, server, chosen, within_s):
                started(chosen)
                raise LocalServerDied(place.name, await guard.wait(), place.last_log_lines())
        if not _port_was_taken(place):
            break
    raise start_failure(place, f"{describe_status(await guard.wait())} at its start")


@asynccontextmanager
async def guarded(
    place: Place, command: Sequence[str | Path], stop_signals: Sequence[signal.Signals] = (signal.SIGTERM,)
) -> AsyncIterator[trio.Process]:
    """Run `command` in its place, in a session of its own, under a guard, whose process this yields.

    The guard ends when the command does, with its status. The pipe to the guard is all that keeps the command alive.
    """
    numbers = ",".join(str(int(number)) for number in stop_signals)
    guard_command = [sys.executable, "-I", "-S", GUARD, place.folder, str(place.uid), str(place.gid), numbers, *command]
    with _fresh_log(place) as log:
        guard = await trio.lowlevel.open_process(
            guard_command, stdin=subprocess.PIPE, stdout=log, stderr=log, start_new_session=True, pass_fds=(place.lock,)
        )
    try:
        yield guard
    finally:
        with trio.move_on_after(STOP_DEADLINE_S, shield=True):
            await _stop(guard)
        if guard.returncode is None or guard.returncode < 0:  # the guard itself failed; it leads the server's group
            with contextlib.suppress(ProcessLookupError):
                os.killpg(guard.pid, signal.SIGKILL)


def start_failure(place: Place, what: str) -> LocalServerFailed:
    """The error for a server that did not come up, with all that helps to mend it."""
    return LocalServerFailed(
        place.name,
        f"{what}. Its last log lines:\n{place.last_log_lines()}\n"
        f"The whole log is {place.log}. If the folder {place.folder} is damaged and its data may go, delete it.",
    )


async def _stop(guard: trio.Process) -> None:
    if guard.stdin is not None:
        await guard.stdin.aclose()
    await guard.wait()


async def _answers(place: Place, guard: trio.Process, server: LocalServer, port: int, within_s: float) -> bool:
    """True once the server answers, False if it ended before."""
    with trio.move_on_after(within_s):
        while guard.returncode is None:
            if await server.answers(port):
                return True
            await trio.sleep(_PROBE_INTERVAL_S)
        return False
    raise start_failure(place, f"did not answer within {within_s:.0f} s")


async def exchange(port: int, request: bytes, expected: bytes) -> bool:
    """Whether the server on a loopback port answers `request` with bytes that contain `expected`."""
    answer = b""
    with trio.move_on_after(_PROBE_DEADLINE_S), contextlib.suppress(OSError, trio.BrokenResourceError):
        async with await trio.open_tcp_stream("127.0.0.1", port) as stream:
            await stream.send_all(request)
            async for chunk in stream:
                answer += chunk
                if expected in answer:
                    return True
    return False


def _free_port() -> int:
    """A port that was free a moment ago; who loses the race for it tries another."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _port_was_taken(place: Place) -> bool:
    return any(words in place.last_log_lines().lower() for words in ("address already in use", "address in use"))


def _fresh_log(place: Place) -> BinaryIO:
    """An empty log; the one before it, which may tell why the last start ended, is kept beside it."""
    if place.log.exists():
        place.log.replace(place.log.with_suffix(".previous.log"))
    return place.log.open("xb")
