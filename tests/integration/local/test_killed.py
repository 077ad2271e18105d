"""Owners, guards and servers that are killed: no process is left, and the data come back."""

# ruff: noqa: PT012 -- what comes out of the context manager when its body is cancelled is what is tested

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from queue import Queue

import psutil
import psycopg
import pytest
import trio

from ops.local.errors import LocalServerDied
from ops.local.place import UNPRIVILEGED
from ops.local.servers import SERVER_NAMES, open_servers
from tests.integration.local.kept_data import recall, remember
from tests.integration.local.processes import (
    PROGRAMS,
    kill_with_all_below,
    living,
    owner_process,
    processes_below,
    processes_in,
    server_in,
)
from tests.patience import patience_s


def test_a_killed_owner_leaves_no_process_and_its_data_come_back_at_once(tmp_path: Path) -> None:
    with owner_process(tmp_path) as (owner, addresses):
        remember(addresses)
        started = processes_below(psutil.Process(owner.pid))
        owner.kill()
    with owner_process(tmp_path) as (_, addresses):  # while the servers of the first may still be on their way out
        assert recall(addresses) == (("kept",), b"kept")
    _, left = psutil.wait_procs(started, timeout=patience_s())
    assert left == []


def test_owner_guards_and_servers_killed_together_leave_usable_data(tmp_path: Path) -> None:
    with owner_process(tmp_path) as (owner, addresses):
        remember(addresses)
        kill_with_all_below(owner)
    with owner_process(tmp_path) as (_, addresses):
        assert recall(addresses) == (("kept",), b"kept")


def test_a_start_waits_for_the_servers_of_a_dead_owner_to_end(tmp_path: Path) -> None:
    with owner_process(tmp_path, "--only", "redis") as (owner, _):
        (server,) = (
            member for member in processes_below(psutil.Process(owner.pid)) if member.name() == PROGRAMS["redis"]
        )
        server.suspend()  # so that its guard needs its time to end it
        owner.kill()
    with owner_process(tmp_path, "--only", "redis"):
        assert not server.is_running()


async def test_a_stale_pid_file_whose_id_is_another_process_now_does_not_stop_the_start(tmp_path: Path) -> None:
    pid_file = tmp_path / "postgres/cluster/postmaster.pid"
    async with open_servers(tmp_path, {"postgres"}, durable=False):
        _, *rest = pid_file.read_text().splitlines()
    with process_of_the_same_user() as another:
        pid_file.write_text("\n".join([str(another.pid), *rest, ""]))
        async with open_servers(tmp_path, {"postgres"}, durable=False) as addresses:
            psycopg.connect(addresses.postgres_url or "").close()


@contextmanager
def process_of_the_same_user() -> Iterator[subprocess.Popen[bytes]]:
    """A process as PostgreSQL's user that waits until the block ends."""
    user = UNPRIVILEGED if os.geteuid() == 0 else None
    with subprocess.Popen(["/bin/cat"], stdin=subprocess.PIPE, user=user) as process:
        yield process


@pytest.mark.parametrize("name", SERVER_NAMES)
async def test_a_server_killed_from_outside_cancels_the_body(tmp_path: Path, name: str) -> None:
    with pytest.raises(LocalServerDied, match="SIGKILL") as caught:
        async with open_servers(tmp_path, {name, "redis"}, durable=False):
            started = processes_in(tmp_path)
            server_in(tmp_path, name).kill()
            await trio.sleep_forever()
    assert (caught.value.name, caught.value.status) == (name, 128 + signal.SIGKILL)
    assert living(started) == []


@pytest.mark.parametrize(("number", "status"), [(signal.SIGTERM, 0), (signal.SIGKILL, -signal.SIGKILL)])
async def test_a_guard_ended_from_outside_takes_its_server_along(tmp_path: Path, number: int, status: int) -> None:
    with pytest.raises(LocalServerDied) as caught:
        async with open_servers(tmp_path, {"redis"}):
            started = processes_in(tmp_path)
            server_in(tmp_path, "redis").parent().send_signal(number)
            await trio.sleep_forever()
    assert caught.value.status == status
    _, left = psutil.wait_procs(started, timeout=patience_s())
    assert left == []


async def test_a_backend_at_work_does_not_outlive_its_postmaster(tmp_path: Path) -> None:
    with pytest.raises(LocalServerDied):
        async with open_servers(tmp_path, {"postgres"}, durable=False) as addresses, trio.open_nursery() as nursery:
            backends = Queue[psutil.Process]()
            nursery.start_soon(trio.to_thread.run_sync, partial(work_for_ever, addresses.postgres_url or "", backends))
            backend = await trio.to_thread.run_sync(backends.get)
            server_in(tmp_path, "postgres").kill()
            await trio.sleep_forever()
    assert not backend.is_running()


def work_for_ever(url: str, backends: Queue[psutil.Process]) -> None:
    """Keep a backend in a loop that never looks whether its postmaster lives."""
    with pytest.raises(psycopg.OperationalError), psycopg.connect(url) as connection:
        connection.add_notice_handler(lambda _: backends.put(psutil.Process(connection.info.backend_pid)))
        connection.execute("DO $$ BEGIN RAISE WARNING 'at work'; LOOP END LOOP; END $$")


def test_a_cluster_cut_short_while_it_was_made_is_made_again(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "ops.local", "--data", str(tmp_path), "--only", "postgres"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, text=True) as owner:
        while not list(tmp_path.glob("postgres/*/PG_VERSION")):
            assert owner.poll() is None
        kill_with_all_below(owner)  # initdb too, which would tidy up
    with owner_process(tmp_path, "--only", "postgres") as (_, addresses):
        psycopg.connect(addresses.postgres_url or "").close()
