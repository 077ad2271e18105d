"""Brings the log database to the current schema: ordered SQL files, each applied once. Their content is in migrations/.

Safe to repeat and to run from several places at once: every file is applied in a transaction of its own, under one
advisory lock. Asyncio code; services call it through the asyncio door.

A file whose first line is `-- older programs may run` only adds what those do not see which lack it: they go on, also
when they are started again, as after a rollback. Any other file that they lack they refuse. From 0016 on each file says
in its first line which it is: that, or `-- older programs may not run: ` and why.
"""

from __future__ import annotations

from hashlib import sha256
from importlib.resources import files

import msgspec
import structlog
from psycopg import AsyncConnection

from schema.runtime.version import version

log = structlog.get_logger()

_LOCK = 0x6E65776172  # "newar": the advisory lock of everybody who migrates this database

_CREATE_VERSIONS = """
    CREATE TABLE IF NOT EXISTS newar_migrations (
        name text PRIMARY KEY, checksum text NOT NULL, applied_at timestamptz NOT NULL DEFAULT now()
    );
    ALTER TABLE newar_migrations
        ADD COLUMN IF NOT EXISTS older_may_run boolean NOT NULL DEFAULT false,
        ADD COLUMN IF NOT EXISTS program text"""
_READ_VERSIONS = """
    SELECT name, checksum, coalesce((to_jsonb(m) ->> 'older_may_run')::boolean, false), to_jsonb(m) ->> 'program'
    FROM newar_migrations m ORDER BY name"""  # by to_jsonb: where a former release migrated, two columns lack
_LOG_IS_THERE = "SELECT to_regclass(format('%I.message_logs', current_schema())) IS NOT NULL"
_OLDER_MAY_RUN = "-- older programs may run"


class Migration(msgspec.Struct, frozen=True):
    """One SQL file. Names sort in the order of application."""

    name: str
    sql: str

    @property
    def checksum(self) -> str:
        """SHA-256 of the file's text, in hex."""
        return sha256(self.sql.encode()).hexdigest()

    @property
    def older_may_run(self) -> bool:
        """Whether the file says that programs which do not know it may run on its schema."""
        return self.sql.partition("\n")[0].strip() == _OLDER_MAY_RUN


class Applied(msgspec.Struct, frozen=True):
    """A migration that a database has. Columns in the order of `_READ_VERSIONS`."""

    name: str
    checksum: str
    older_may_run: bool
    program: str | None
    """The version of the program that applied it; None: not known."""


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


class AnothersTables(Exception):
    """The log database belongs to another program, which calls a table as we do ours."""

    def __init__(self) -> None:
        super().__init__(
            "the log database has a table message_logs that is not Newar's; make one for Newar alone: "
            "CREATE DATABASE newar, and name it in LOG_DATABASE_URL"
        )


class MigrationsPending(Exception):
    """The log database is older than this program. `names` are the migrations that it lacks."""

    def __init__(self, names: list[str]) -> None:
        super().__init__(f"the log database lacks {', '.join(names)}; run `newar migrate`")
        self.names = names


class SchemaNewer(Exception):
    """The log database is newer than this program. `names` are the migrations that it does not know."""

    def __init__(self, unknown: list[Applied]) -> None:
        names = ", ".join(m.name for m in unknown)
        by = ", ".join(dict.fromkeys(f"newar {m.program}" for m in unknown if m.program))
        super().__init__(
            f"the log database is newer than this program (newar {version() or 'of an unknown version'}), which does "
            f"not know {names}{f', applied by {by}' if by else ''}; install the release that brought it, or a newer one"
        )
        self.names = [m.name for m in unknown]


def shipped() -> list[Migration]:
    """Return the migrations of this version, in order."""
    found = (f for f in files("schema").joinpath("migrations").iterdir() if f.name.endswith(".sql"))
    return sorted((Migration(f.name, f.read_text("utf-8")) for f in found), key=lambda m: m.name)


async def migrate(url: str, migrations: list[Migration] | None = None) -> list[str]:
    """Apply what is missing in the database at `url`; return the names applied.

    Raises:
        MigrationChanged: when a file differs from what was applied; nothing is done then.
        SchemaNewer: when the database has files that this program lacks; nothing is done then. If all of them let older
            programs run, and nothing else is missing, there is nothing to do.
        WrongEncoding: when the database is not in UTF-8; nothing is done then.
        AnothersTables: when another program has such tables there; nothing is done then.
        psycopg.Error: when the database cannot be reached or refuses; files before the failing one stay applied.
    """
    wanted = shipped() if migrations is None else migrations
    async with await AsyncConnection.connect(url, autocommit=True) as connection:
        if (encoding := connection.info.parameter_status("server_encoding")) != "UTF8":
            raise WrongEncoding(str(encoding))
        await _make_version_table(connection)
        missing, _ = _compare(wanted, await _applied(connection))
        return [m.name for m in missing if await _apply(connection, m)]


async def pending(url: str, migrations: list[Migration] | None = None) -> list[str]:
    """Return the names of the migrations that the database at `url` lacks. Changes nothing.

    Raises:
        MigrationChanged: when a file differs from what was applied.
        SchemaNewer: when the database has files that this program lacks and that do not let it run.
        AnothersTables: when another program has such tables there.
        psycopg.Error: when the database cannot be reached.
    """
    missing, _ = await _look(url, migrations)
    return [m.name for m in missing]


async def require_current(url: str, migrations: list[Migration] | None = None) -> None:
    """Refuse a database that this program does not fit: what a service calls before it begins.

    Raises:
        MigrationsPending: when it lacks some, naming them and the command to run.
        MigrationChanged, SchemaNewer, AnothersTables, psycopg.Error: as `pending`.
    """
    missing, unknown = await _look(url, migrations)
    if missing:
        raise MigrationsPending([m.name for m in missing])
    needs = (shipped() if migrations is None else migrations)[-1].name
    if unknown:
        names, effect = [m.name for m in unknown], "none: they let older programs run"
        log.warning("schema_is_newer", needs=needs, unknown=names, effect=effect)
    else:
        log.info("schema_fits", needs=needs)


async def _look(url: str, migrations: list[Migration] | None) -> tuple[list[Migration], list[Applied]]:
    wanted = shipped() if migrations is None else migrations
    async with await AsyncConnection.connect(url, autocommit=True) as connection:
        log_is_there = await _says(connection, _LOG_IS_THERE)  # before what is applied: somebody may be migrating
        exists = await _says(connection, "SELECT to_regclass('newar_migrations') IS NOT NULL")
        applied = await _applied(connection) if exists else []
        if log_is_there and not applied:
            raise AnothersTables
        return _compare(wanted, applied)


def _compare(wanted: list[Migration], applied: list[Applied]) -> tuple[list[Migration], list[Applied]]:
    """Return what is missing, and what is there beyond, which lets this program run."""
    known = {m.name: m for m in wanted}
    for one in applied:
        if one.name in known and one.checksum != known[one.name].checksum:
            raise MigrationChanged(one.name)
    names = {one.name for one in applied}
    missing = [m for m in wanted if m.name not in names]
    unknown = [one for one in applied if one.name not in known]
    if unknown and (missing or not all(one.older_may_run for one in unknown)):
        raise SchemaNewer(unknown)
    return missing, unknown


async def _make_version_table(connection: AsyncConnection) -> None:
    async with connection.transaction():  # IF NOT EXISTS alone fails when two create at once
        await connection.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])
        if await _says(connection, _LOG_IS_THERE):
            has_ours = await _says(connection, "SELECT to_regclass('newar_migrations') IS NOT NULL")
            if not has_ours or not await _applied(connection):
                raise AnothersTables
        await connection.execute(_CREATE_VERSIONS)


async def _says(connection: AsyncConnection, question: str) -> bool:
    answer = await connection.execute(question.encode())
    [yes] = await answer.fetchone() or (False,)
    return bool(yes)


async def _applied(connection: AsyncConnection) -> list[Applied]:
    answer = await connection.execute(_READ_VERSIONS)
    return [Applied(*row) for row in await answer.fetchall()]


async def _apply(connection: AsyncConnection, migration: Migration) -> bool:
    """Apply one migration unless somebody else just did; return whether we did."""
    async with connection.transaction():
        await connection.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])
        if not _compare([migration], [m for m in await _applied(connection) if m.name == migration.name])[0]:
            return False
        await connection.execute(migration.sql.encode())
        await connection.execute(
            "INSERT INTO newar_migrations (name, checksum, older_may_run, program) VALUES (%s, %s, %s, %s)",
            [migration.name, migration.checksum, migration.older_may_run, version()],
        )
    return True
