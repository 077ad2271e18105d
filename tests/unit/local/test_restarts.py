"""When a local server that ended is started again, and when it is given up."""

from __future__ import annotations

import errno
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
import trio
from trio.testing import MockClock

from ops.local import restarts
from ops.local.errors import LocalServerDied, LocalServerFailed
from ops.local.restarts import LONGEST_PAUSE_S, STARTS_IN_A_ROW, WELL_AFTER_S, Restarts, ServerState, is_full
from schema.runtime.stop import Stop

KILLED = LocalServerDied("redis", 128 + 9, "its last words")
NOT_STARTED = LocalServerFailed("redis", "ended with status 1 at its start. Its last log lines:\n  its last words")
NO_ROOM = LocalServerFailed("redis", "ended with status 1 at its start: No space left on device")


@pytest.fixture(autouse=True)
def enough_room(monkeypatch: pytest.MonkeyPatch) -> None:
    """However full this machine's disk is."""
    monkeypatch.setattr(restarts, "LITTLE_ROOM_BYTES", -1)


class Server:
    """Lives as it is told: for how long it is up (None: it does not start), and how it ends."""

    def __init__(self, *lives: tuple[float | None, Exception]) -> None:
        self._lives = iter(lives)
        self.started_at: list[float] = []
        self.ended_at: list[float] = []

    async def run(self, is_up: Callable[[], None]) -> None:
        self.started_at.append(trio.current_time())
        up_s, error = next(self._lives, (0.0, Over()))
        if up_s is not None:
            is_up()
            await trio.sleep(up_s)
        self.ended_at.append(trio.current_time())
        raise error

    @property
    def pauses(self) -> list[float]:
        """How long it was down before each start but the first."""
        return [round(b - a, 3) for a, b in zip(self.ended_at, self.started_at[1:], strict=False)]


class Over(Exception):
    """The end of a test's story."""


async def lives(folder: Path, *stories: tuple[float | None, Exception]) -> Server:
    server = Server(*stories)
    with suppress(Over):
        await Restarts(Stop(1.0)).keep("redis", str(folder), server.run)
    return server


async def test_one_that_was_killed_is_started_again_after_growing_pauses(
    tmp_path: Path, autojump_clock: MockClock
) -> None:
    server = await lives(tmp_path, *[(1.0, KILLED)] * 9, (0.0, Over()))
    assert server.pauses == [0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 10.0, 10.0, 10.0]


async def test_one_that_was_up_for_long_is_started_again_at_once(tmp_path: Path, autojump_clock: MockClock) -> None:
    server = await lives(tmp_path, (1.0, KILLED), (1.0, KILLED), (WELL_AFTER_S, KILLED), (0.0, Over()))
    assert server.pauses == [0.2, 0.4, 0.2]


async def test_one_that_does_not_start_the_first_time_is_an_error(tmp_path: Path, autojump_clock: MockClock) -> None:
    with pytest.raises(LocalServerFailed):
        await lives(tmp_path, (None, NOT_STARTED))


async def test_one_that_does_not_start_again_is_given_up(tmp_path: Path, autojump_clock: MockClock) -> None:
    with pytest.raises(LocalServerFailed, match="its last words"):
        await lives(tmp_path, (1.0, KILLED), *[(None, NOT_STARTED)] * STARTS_IN_A_ROW, (0.0, Over()))
    others = [(None, NOT_STARTED)] * (STARTS_IN_A_ROW - 1)
    await lives(tmp_path, (1.0, KILLED), *others, (1.0, KILLED), *others, (0.0, Over()))


async def test_one_whose_disk_is_full_is_tried_until_there_is_room(tmp_path: Path, autojump_clock: MockClock) -> None:
    server = await lives(tmp_path, (1.0, KILLED), *[(None, NO_ROOM)] * 100, (0.0, Over()))
    assert server.pauses[-1] == LONGEST_PAUSE_S


async def test_at_a_stop_it_is_tried_once_more_at_once_and_nobody_waits_longer(
    tmp_path: Path, autojump_clock: MockClock
) -> None:
    stop = Stop(1000.0)
    server = Server((1.0, KILLED), *[(None, NO_ROOM)] * 8)
    async with trio.open_nursery() as nursery:

        async def keep() -> None:
            with pytest.raises(LocalServerFailed):
                await Restarts(stop).keep("redis", str(tmp_path), server.run)

        nursery.start_soon(keep)
        await trio.sleep(1.0 + 0.2 + 0.4 + 0.1)
        assert len(server.started_at) == 3
        stop.request()
    assert server.pauses == [0.2, 0.4, 0.1]
    assert stop.given_up.is_set()


async def test_one_that_comes_back_at_a_stop_lets_it_end_as_it_would(tmp_path: Path, autojump_clock: MockClock) -> None:
    stop, server = Stop(1000.0), Server((1.0, KILLED), (None, NOT_STARTED), (5.0, Over()))
    with trio.CancelScope() as scope:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(Restarts(stop).keep, "redis", str(tmp_path), server.run)
            await trio.sleep(1.3)
            stop.request()
            await trio.sleep(1.0)
            assert len(server.started_at) == 3
            assert not stop.cut_short.is_set()
            scope.cancel()


async def test_each_change_is_told(tmp_path: Path, autojump_clock: MockClock) -> None:
    kept, server = Restarts(Stop(1.0)), Server((1.0, KILLED), (None, NO_ROOM), (1.0, Over()))
    told: list[ServerState] = []

    async def listen() -> None:
        while True:
            changed = kept.changed
            told.extend(kept.states.values())
            await changed.wait()

    async with trio.open_nursery() as nursery:
        nursery.start_soon(listen)
        with suppress(Over):
            await kept.keep("redis", str(tmp_path), server.run)
        nursery.cancel_scope.cancel()
    assert [(state.up, state.restarts) for state in told] == [(True, 0), (False, 0), (False, 0), (True, 1)]
    assert told[1].detail == "ended by SIGKILL; it is being started again"
    assert "make some room" in told[2].detail
    assert told[3] == ServerState(restarts=1)


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_a_full_disk_is_known_by_the_error_of_the_system(tmp_path: Path, number: int) -> None:
    failed = LocalServerFailed("redis", "it cannot be started")
    failed.__cause__ = OSError(number, "no")
    assert is_full(failed, str(tmp_path))
    failed.__cause__ = OSError(errno.EACCES, "no")
    assert not is_full(failed, str(tmp_path))


def test_a_full_disk_is_known_by_the_room_that_is_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(restarts, "LITTLE_ROOM_BYTES", 10**18)
    assert is_full(KILLED, str(tmp_path))
