"""Starting servers again that ended by themselves: when, what is told of it, and when it is given up. Not how."""

from __future__ import annotations

import errno
import shutil
from collections.abc import Awaitable, Callable

import msgspec
import structlog
import trio

from ops.local.errors import LocalServerDied, LocalServerError, LocalServerFailed, describe_status
from schema.runtime.stop import Stop

log = structlog.get_logger()

FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.2, 10.0
WELL_AFTER_S = 60.0
"""Up for so long, the next pause is the first again."""
STARTS_IN_A_ROW = 6
"""Starts that fail one after the other before a server is given up: about ten seconds."""
LITTLE_ROOM_BYTES = 32 * 1024 * 1024
"""With less room on its disk a server cannot start, and says so in many words, or has none to write them to."""
_FULL = ("no space left on device", "disk quota exceeded", "disk full")


class ServerState(msgspec.Struct, frozen=True):
    """How a local server does."""

    up: bool = True
    restarts: int = 0
    """How often it has been up again."""
    detail: str = ""
    """While it is down: why, and what happens next."""


States = dict[str, ServerState]
"""By the server's name."""


class Restarts:
    """Keeps one owner's servers up.

    `stop`: of those who work with them. Once it is requested, a server that is down is tried once more, at once; when
    that fails nobody waits for it any longer.
    """

    def __init__(self, stop: Stop) -> None:
        self.stop = stop
        self.states: States = {}
        self.changed = trio.Event()
        """Set, and replaced, at each change of a state."""

    async def keep(self, name: str, folder: str, run: Callable[[Callable[[], None]], Awaitable[None]]) -> None:
        """Run a server again and again. `run` calls what it is given once the server answers, and raises when it ended.

        Raises:
            LocalServerFailed: it did not start the first time, or not any more.
            LocalServerDied: it ended, or did not start again, after the stop.
        """
        keeper = _Keeper(name, folder, self)
        while True:
            try:
                await run(keeper.is_up)
            except LocalServerError as exc:
                keeper.ended(exc)
            with trio.move_on_after(keeper.pause_s):
                await self.stop.requested.wait()
            keeper.last_try = self.stop.requested.is_set()

    def note(self, name: str, state: ServerState) -> None:
        """Note a change and tell whoever waits for one."""
        self.states[name] = state
        self.changed.set()
        self.changed = trio.Event()


class _Keeper:
    """What is remembered of one server from start to start."""

    def __init__(self, name: str, folder: str, restarts: Restarts) -> None:
        self._name = name
        self._folder = folder
        self._restarts = restarts
        self._state: ServerState | None = None
        self._up_since_s = 0.0
        self._down_since_s = 0.0
        self._failed_in_a_row = 0
        self.pause_s = FIRST_PAUSE_S
        self.last_try = False

    def is_up(self) -> None:
        now_s = trio.current_time()
        if self._state is None:
            self._tell(ServerState())
        else:
            away_s = round(now_s - self._down_since_s, 1)
            self._tell(ServerState(restarts=self._state.restarts + 1))
            log.info("local_server_back", server=self._name, away_s=away_s, restarts=self._state.restarts)
        self._up_since_s, self._failed_in_a_row = now_s, 0

    def ended(self, error: LocalServerError) -> None:
        """Choose the pause before the next start, and tell; raise where there will be none."""
        now_s, state = trio.current_time(), self._state
        full = is_full(error, self._folder)
        if state is None:
            raise error
        if self.last_try and not state.up:
            self._restarts.stop.give_up()
            raise error
        if state.up:
            self._down_since_s = now_s
            well = now_s - self._up_since_s >= WELL_AFTER_S
            self.pause_s = FIRST_PAUSE_S if well or not state.restarts else self._longer()
        else:
            self._failed_in_a_row += not full
            self.pause_s = self._longer()
            if self._failed_in_a_row >= STARTS_IN_A_ROW:
                raise error
        how = _how(error)
        if full:
            how += f"; the disk of {self._folder} is full: make some room, it goes on by itself"
        self._tell(ServerState(up=False, restarts=state.restarts, detail=f"{how}; it is being started again"))
        what = "local_server_ended" if state.up else "local_server_not_started"
        log.error(what, server=self._name, how=how, again_in_s=self.pause_s, then="services wait for it")

    def _longer(self) -> float:
        return min(2 * self.pause_s, LONGEST_PAUSE_S)

    def _tell(self, state: ServerState) -> None:
        self._state = state
        self._restarts.note(self._name, state)


def is_full(error: BaseException, folder: str) -> bool:
    """Say whether it is the disk that keeps the server from starting, or ended it."""
    cause = error.__cause__
    if isinstance(cause, OSError) and cause.errno in (errno.ENOSPC, errno.EDQUOT):
        return True
    if any(words in str(error).lower() for words in _FULL):
        return True
    try:
        return shutil.disk_usage(folder).free < LITTLE_ROOM_BYTES
    except OSError:
        return False


def _how(error: LocalServerError) -> str:
    if isinstance(error, LocalServerDied):
        return describe_status(error.status)
    reason = error.reason if isinstance(error, LocalServerFailed) else str(error)
    return reason.splitlines()[0].removesuffix(". Its last log lines:")
