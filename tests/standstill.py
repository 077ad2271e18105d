"""What ends a test that stands still, and says where each task and child process stood.

pytest-timeout alone raises where the main thread happens to be: in Trio's loop that says nothing, and no later test of
the process can run Trio. And it forgets the time of whatever has failed, so that a teardown could wait for ever.
"""

from __future__ import annotations

import asyncio
import gc
import signal
import sys
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType
from typing import Any, TextIO

import psutil
import pytest
import pytest_timeout
import trio

from tests.patience import slowness

AGAIN_S = 10.0
"""Who goes on in spite of its end is ended in a harder way, after so long."""
PLUMBING = Path(trio.__file__).parent
_settings = pytest.StashKey[pytest_timeout.Settings]()
_cancelled = pytest.StashKey[bool]()


@pytest.hookimpl(tryfirst=True)
def pytest_timeout_set_timer(item: pytest.Item, settings: pytest_timeout.Settings) -> bool:
    """Give a whole test more time, too, on a slow machine; a mark says what is usual."""
    item.stash[_settings] = settings._replace(timeout=settings.timeout * slowness())
    _start(item)
    return True


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_teardown(item: pytest.Item) -> None:
    """Give the teardown a time of its own: pytest-timeout forgets that of a test that failed."""
    if _settings in item.stash:
        _start(item)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Iterator[None]:
    """Say of a test that was cancelled why it was."""
    try:
        yield
    finally:
        if _cancelled in item.stash:
            pytest.fail(f"not over after {item.stash[_settings].timeout:.0f} s; standard error says where it stood")


def _start(item: pytest.Item) -> None:
    settings = item.stash[_settings]
    pytest_timeout.pytest_timeout_set_timer(item, settings)
    if settings.method != "signal":
        return
    raising: Any = signal.getsignal(signal.SIGALRM)
    gentler: list[Callable[[], None]] = [_lift_shields, _cancel]

    def end(number: int, frame: FrameType | None) -> None:
        tell(sys.stderr)
        if trio.lowlevel.in_trio_run() and gentler:
            item.stash[_cancelled] = True
            trio.lowlevel.current_trio_token().run_sync_soon(gentler.pop())
        else:
            raising(number, frame)

    signal.signal(signal.SIGALRM, end)
    signal.setitimer(signal.ITIMER_REAL, settings.timeout, min(settings.timeout, AGAIN_S))


def _cancel() -> None:
    if root := trio.lowlevel.current_root_task():
        root.child_nurseries[-1].cancel_scope.cancel()  # the one that has the main task


def _lift_shields() -> None:
    for scope in [found for found in gc.get_objects() if type(found) is trio.CancelScope and found.shield]:
        scope.shield = False


def tell(out: TextIO) -> None:
    """Write where all tasks of Trio and asyncio stand, and which processes were started and are still there."""
    if trio.lowlevel.in_trio_run() and (root := trio.lowlevel.current_root_task()):
        _tell_of(root, out)
    for task in [found for found in gc.get_objects() if issubclass(type(found), asyncio.Task)]:
        if not task.done():
            _tell_stack(f"asyncio's task {task.get_name()}", _frames(task.get_coro()), out)
    for process in psutil.Process().children(recursive=True):
        try:
            print(f"process {process.pid}, {process.status()}: {' '.join(process.cmdline())[:200]}", file=out)
        except psutil.Error:
            continue


def _tell_of(task: trio.lowlevel.Task, out: TextIO) -> None:
    _tell_stack(f"Trio's task {task.name}", task.iter_await_frames(), out)
    for nursery in task.child_nurseries:
        for child in nursery.child_tasks:
            _tell_of(child, out)


def _frames(coroutine: Any) -> Iterator[tuple[FrameType, int]]:
    while (frame := getattr(coroutine, "cr_frame", None)) is not None:
        yield frame, frame.f_lineno
        coroutine = coroutine.cr_await


def _tell_stack(what: str, frames: Iterator[tuple[FrameType, int]], out: TextIO) -> None:
    stack = [f for f in traceback.StackSummary.extract(frames) if PLUMBING not in Path(f.filename).parents]
    if stack:
        print(f"{what}:\n", *traceback.StackSummary.from_list(stack).format(), sep="", end="", file=out)
