"""Brings the log database to the current schema: ordered SQL files, each applied once. Their content is in migrations/.

Safe to repeat and to run from several places at once: every file is applied in a transaction of its own, under one
advisory lock. Asyncio code; services call it through the asyncio door.
"""

from __future__ import annotations

from hashlib import sha256
from importlib.resources import files

import msgspec
from psycopg import AsyncConnection

_LOCK = 0x6E65776172  # "newar": the advisory lock of everybody who migrates this database

_CREATE_VERSIONS = """
    CREATE TABLE IF NOT EXISTS newar_migrations (
        name text PRIMARY KEY, checksum text NOT NULL, applied_at timestamptz NOT NULL DEFAULT now()
    )"""


class Migration(msgspec.Struct, frozen=True):
    """One SQL file. Names sort in the order of application."""

    name: str
    sql: str

    @property
    def checksum(self) -> str:
        """SHA-256 of the file's text, in hex."""
        return sha256(self.sql.encode()).hexdigest()


class MigrationChanged(Exception):
    """A file was changed after it had been applied, so nobody can say what this database looks like."""

    def __init__(self, name: str) -> None:
        super().__init__(
            f"migration {name} was changed after it had been applied to this database; "
            "put the file back as it was and bring the change in a new file"
        )
        self.name = name


class WrongEncoding(Exception):
    """The log database cannot hold every text. `encoding` is the one that it has."""

    def __init__(self, encoding: str) -> None:
        super().__init__(
            f"the log database has the encoding {encoding}, which cannot hold every text; make another with: "
            "CREATE DATABASE newar ENCODING 'UTF8' TEMPLATE template0 LOCALE 'C'"
        )
        self.encoding = encoding


class MigrationsPending(Exception):
    """The log database is older than this program. `names` are the migrations that it lacks."""

    def __init__(self, names: list[str]) -> None:
        super().__init__(f"the log database lacks {', '.join(names)}; run `newar migrate`")
        self.names = names


def shipped() -> list[Migration]:
    """Return the migrations of this version, in order."""
    found = (f for f in files("schema").joinpath("migrations").iterdir() if f.name.endswith(".sql"))
    return sorted((Migration(f.name, f.read_text("utf-8")) for f in found), key=lambda m: m.name)


async def migrate(url: str, migrations: list[Migration] | None = None) -> list[str]:
    """Apply what is missing in the database at `url`; return the names applied.

    Raises:
        MigrationChanged: when a file differs from what was applied; nothing is done then.
        WrongEncoding: when the database is not in UTF-8; nothing is done then.
        psycopg.Error: when the database cannot be reached or refuses; files before the failing one stay applied.
    """
    wanted = shipped() if migrations is None else migrations
    async with await AsyncConnection.connect(url, autocommit=True) as connection:
        if (encoding := connection.info.parameter_status("server_encoding")) != "UTF8":
            raise WrongEncoding(str(encoding))
        await _make_version_table(connection)
        missing = _missing(wanted, await _applied(connection))
        return [m.name for m in missing if await _apply(connection, m)]


async def pending(url: str, migrations: list[Migration] | None = None) -> list[str]:
    """Return the names of the migrations that the database at `url` lacks. Changes nothing.

    Raises:
        MigrationChanged: when a file differs from what was applied.
        psycopg.Error: when the database cannot be reached.
    """
    wanted = shipped() if migrations is None else migrations
    async with await AsyncConnection.connect(url, autocommit=True) as connection:
        answer = await connection.execute("SELECT to_regclass('newar_migrations')")
        exists = await answer.fetchone() != (None,)
        return [m.name for m in _missing(wanted, await _applied(connection) if exists else {})]


async def require_current(url: str) -> None:
    """Refuse a database that lacks migrations: what a service calls before it begins.

    Raises:
        MigrationsPending: naming them and the command to run.
        MigrationChanged: when a file differs from what was applied.
        psycopg.Error: when the database cannot be reached.
    """
    if names := await pending(url):
        raise MigrationsPending(names)


def _missing(wanted: list[Migration], applied: dict[str, str]) -> list[Migration]:
    for migration in wanted:
        if applied.get(migration.name, migration.checksum) != migration.checksum:
            raise MigrationChanged(migration.name)
    return [m for m in wanted if m.name not in applied]


async def _make_version_table(connection: AsyncConnection) -> None:
    async with connection.transaction():  # IF NOT EXISTS alone fails when two create at once
        await connection.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])
        await connection.execute(_CREATE_VERSIONS)


async def _applied(connection: AsyncConnection) -> dict[str, str]:
    answer = await connection.execute("SELECT name, checksum FROM newar_migrations")
    return dict(await answer.fetchall())


async def _apply(connection: AsyncConnection, migration: Migration) -> bool:
    """Apply one migration unless somebody else just did; return whether we did."""
    async with connection.transaction():
        await connection.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])
        if not _missing([migration], await _applied(connection)):
            return False
        await connection.execute(migration.sql.encode())
        await connection.execute(
            "INSERT INTO newar_migrations (name, checksum) VALUES (%s, %s)", [migration.name, migration.checksum]
        )
    return True
