"""Starts one server, stops it when standard input ends, and leaves nothing of it behind.

Run as a file by an isolated interpreter (`python -I -S guard.py FOLDER UID GID SIGNALS PROGRAM ARGUMENT…`), so: the
standard library only, nothing of ours. Standard input is a pipe whose other end only the parent has: it ends when the
parent closes it or dies, however it dies. Standard output and error become the server's. Ends with the server's status.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import select
import signal
import sys
import time
import traceback
from pathlib import Path

STOPPERS = (signal.SIGTERM, signal.SIGINT)  # sent to the guard, they stop its server
GRACE_S = 5.0  # after each of the stop signals, and after SIGKILL
ENVIRONMENT = {"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"}  # servers read settings from theirs; ours has secrets
_PR_SET_SECUREBITS, _SECBIT_NO_SETUID_FIXUP = 28, 1 << 2
_PR_SET_CHILD_SUBREAPER = 36
_PR_CAP_AMBIENT, _PR_CAP_AMBIENT_RAISE = 47, 2
_CAP_DAC_OVERRIDE, _CAP_DAC_READ_SEARCH = 1, 2
_CAPABILITY_VERSION_3 = 0x20080522


def guard(folder: str, uid: int, gid: int, stop_signals: list[int], command: list[str]) -> int:
    """Run `command` in `folder` until it ends or must be stopped; its status, 128 + n when signal n ended it."""
    _adopt_orphans()
    # Blocked until we have handlers: one that came before them would end us alone and leave the server.
    signal.pthread_sigmask(signal.SIG_BLOCK, STOPPERS)
    server = os.fork()
    if server == 0:
        _become(folder, uid, gid, command)
    wake = _wake_on(signal.SIGCHLD, *STOPPERS)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, STOPPERS)
    status = _wait(server, wake)
    for number in (*stop_signals, signal.SIGKILL):
        if status is None:
            os.kill(server, number)
            status = _wait(server, wake, time.monotonic() + GRACE_S)
    _kill_what_is_left()
    if status is None:
        return 128 + signal.SIGKILL
    return status if status >= 0 else 128 - status


def _wake_on(*numbers: int) -> int:
    """A pipe that tells of these signals, so that one `select` waits for them and for the parent's end."""
    wake, woken = os.pipe()
    os.set_blocking(woken, False)
    signal.set_wakeup_fd(woken)
    for number in numbers:
        signal.signal(number, lambda *_: None)
    return wake


def _wait(server: int, wake: int, deadline: float | None = None) -> int | None:
    """The server's status, or None when the deadline passed or (without one) when it has to be stopped."""
    sources = [wake] if deadline else [wake, 0]
    while (status := _reap(server)) is None:
        remaining_s = max(0.0, deadline - time.monotonic()) if deadline else None
        ready, _, _ = select.select(sources, [], [], remaining_s)
        told_to_stop = wake in ready and set(os.read(wake, 64)) & {signal.SIGTERM, signal.SIGINT}
        if not ready or 0 in ready or (told_to_stop and not deadline):
            return None
    return status


def _reap(server: int) -> int | None:
    """The server's status if it ended; orphans that we adopted are reaped by the way."""
    with contextlib.suppress(ChildProcessError):
        while (ended := os.waitpid(-1, os.WNOHANG))[0]:
            if ended[0] == server:
                return os.waitstatus_to_exitcode(ended[1])
    return None


def _prctl(option: int, first: int, second: int = 0) -> bool:
    return bool(ctypes.CDLL(None).prctl(option, *map(ctypes.c_ulong, (first, second, 0, 0))) == 0)


def _adopt_orphans() -> None:
    """Processes the server leaves when it dies (a PostgreSQL backend at work) become our children. Linux only."""
    if sys.platform == "linux":
        _prctl(_PR_SET_CHILD_SUBREAPER, 1)


def _kill_what_is_left() -> None:
    children = Path(f"/proc/self/task/{os.getpid()}/children")
    with contextlib.suppress(ChildProcessError, OSError):
        while True:
            for child in children.read_text().split():
                os.kill(int(child), signal.SIGKILL)
            os.waitpid(-1, 0)


def _become(folder: str, uid: int, gid: int, command: list[str]) -> None:
    """In the forked child: turn into the server. What prevents it goes to the log, where the parent finds it."""
    try:
        for number in (signal.SIGINT, signal.SIGPIPE):  # the two that Python changed
            signal.signal(number, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, STOPPERS)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.chdir(folder)
        if uid != os.geteuid():
            _drop_root(uid, gid, command[0])
        os.execve(command[0], command, ENVIRONMENT)  # noqa: S606 -- no shell is what we want
    except Exception:
        traceback.print_exc()
    finally:
        os._exit(127)


def _drop_root(uid: int, gid: int, program: str) -> None:
    """Become `uid` for good, but still find the way to our files where a folder above them is closed to it.

    Opening such a folder would change what is not ours. Passing it is one capability, kept as an ambient one, so that
    it survives the exec: to read and search; to override modes only where the program is not executable for others.
    """
    capability = _CAP_DAC_READ_SEARCH if Path(program).stat().st_mode & 0o001 else _CAP_DAC_OVERRIDE
    # Without the fix-up a change of uid leaves capabilities alone, and access(2) counts them, which initdb asks.
    kept = sys.platform == "linux" and _prctl(_PR_SET_SECUREBITS, _SECBIT_NO_SETUID_FIXUP)
    os.setgroups([])
    os.setresgid(gid, gid, gid)
    os.setresuid(uid, uid, uid)
    if not kept or not _keep_only(capability):
        print("guard: may not keep a capability; folders closed to other users will fail", file=sys.stderr, flush=True)


def _keep_only(capability: int) -> bool:
    """Leave this process, and what it executes, with one capability or none."""
    bit, libc = 1 << capability, ctypes.CDLL(None)
    header = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION_3, 0)
    granted = libc.capset(header, (ctypes.c_uint32 * 6)(bit, bit, bit, 0, 0, 0)) == 0
    if not granted:
        libc.capset(header, (ctypes.c_uint32 * 6)())
    return granted and _prctl(_PR_CAP_AMBIENT, _PR_CAP_AMBIENT_RAISE, capability)


if __name__ == "__main__":
    _, folder, uid, gid, stop_signals, *command = sys.argv
    sys.exit(guard(folder, int(uid), int(gid), [int(number) for number in stop_signals.split(",")], command))
