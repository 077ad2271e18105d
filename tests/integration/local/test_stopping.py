"""Stops in order: by the command's end or a signal, with the body of the context manager or its error."""

# ruff: noqa: PT012 -- what comes out of the context manager when its body is cancelled is what is tested

from __future__ import annotations

import os
import signal
from pathlib import Path

import psutil
import pytest
import trio

from ops.local.servers import open_servers
from tests.integration.local.processes import living, owner_process, processes_below, processes_in, server_in


@pytest.mark.parametrize(("option", "ending"), [("eof", None), ("term", signal.SIGTERM), ("int", signal.SIGINT)])
def test_the_command_stops_all_and_ends_well(tmp_path: Path, option: str, ending: signal.Signals | None) -> None:
    with owner_process(tmp_path, "--only", "redis,kafka") as (owner, _):
        started = processes_below(psutil.Process(owner.pid))
        if ending:
            owner.send_signal(ending)
            owner.wait()
    assert owner.returncode == 0, option
    assert living(started) == []


def test_servers_live_in_sessions_of_their_own(tmp_path: Path) -> None:
    with owner_process(tmp_path, "--only", "redis,kafka") as (owner, _):
        sessions = {os.getsid(member.pid) for member in processes_below(psutil.Process(owner.pid))}
        assert len(sessions) == 2  # Ctrl-C reaches one session: the terminal's
        assert os.getsid(owner.pid) not in sessions


async def test_an_error_of_the_body_comes_out_as_it_is(tmp_path: Path) -> None:
    error = KeyError("of the body")
    with pytest.raises(KeyError) as caught:
        async with open_servers(tmp_path, {"redis", "kafka"}):
            started = processes_in(tmp_path)
            raise error
    assert caught.value is error
    assert living(started) == []


async def test_a_cancelled_body_stops_the_servers(tmp_path: Path) -> None:
    with trio.CancelScope() as scope:
        async with open_servers(tmp_path, {"redis", "kafka"}):
            started = processes_in(tmp_path)
            scope.cancel()
            await trio.sleep_forever()
    assert scope.cancelled_caught
    assert living(started) == []


async def test_a_server_that_does_not_react_is_killed(tmp_path: Path) -> None:
    async with open_servers(tmp_path, {"redis"}):
        started = processes_in(tmp_path)
        server_in(tmp_path, "redis").suspend()
    assert living(started) == []
