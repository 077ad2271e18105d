"""Processes that tests kill: each under `ops.local`'s guard, so that none outlives the tests, however those end."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import psutil

from ops.local.process import GUARD


class Guarded:
    """A command that runs in `folder`, with its output in the file `log`."""

    def __init__(self, command: Sequence[str | Path], folder: Path, log: Path, *, uid: int = -1, gid: int = -1) -> None:
        self.log = log
        owner = [str(os.geteuid() if uid < 0 else uid), str(os.getegid() if gid < 0 else gid)]
        self._was_killed = False
        kill_at_once = str(int(signal.SIGKILL))
        with log.open("wb") as out:
            self._guard = subprocess.Popen(
                [sys.executable, "-I", "-S", GUARD, folder, *owner, kill_at_once, *command],
                stdin=subprocess.PIPE,
                stdout=out,
                stderr=out,
                start_new_session=True,
            )

    @property
    def running(self) -> bool:
        """Whether it has not ended."""
        return self._guard.poll() is None

    @property
    def failed(self) -> bool:
        """Whether it has ended, although nobody killed it, with another status than 0."""
        return not self._was_killed and self._guard.poll() not in (None, 0)

    @property
    def pid(self) -> int:
        """The command's process id, while it runs."""
        [command] = psutil.Process(self._guard.pid).children()
        return int(command.pid)

    def output(self) -> str:
        """Return what it has written so far."""
        return self.log.read_text(errors="replace")

    def signal(self, number: signal.Signals) -> None:
        """Send it a signal other than SIGKILL."""
        psutil.Process(self.pid).send_signal(number)

    def wait(self) -> int:
        """Block until it has ended; return its status, 128 + n when signal n ended it."""
        return self._guard.wait()

    def kill(self) -> None:
        """End it by SIGKILL, with all it started; return when it is gone."""
        assert self._guard.stdin is not None
        self._was_killed = True
        self._guard.stdin.close()
        self._guard.wait()
