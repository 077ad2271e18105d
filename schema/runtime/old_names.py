"""The names by which the original, a Node.js program, was set: what each becomes, and settings read from them. Pure.

Its names are those of its `.env` and Compose file, and three that its platforms or other programs give it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple
from urllib.parse import quote, unquote, urlsplit

THE_GUIDE = "docs/from-the-original.md"


class OldName(NamedTuple):
    """What becomes of a name. `new`: the setting that it is read as, alone or as a part of an address; None: none."""

    new: str | None
    text: str


_REDIS = "a part of REDIS_URL=redis://:PASSWORD@HOST:PORT/DB"
_POSTGRES = "a part of LOG_DATABASE_URL=postgresql://USER:PASSWORD@HOST:PORT/DB"
_NO_USE = "has no use here: leave it out"

OLD_NAMES: Mapping[str, OldName] = {
    "SERVICE_TYPE": OldName(
        None, "each service is a command: newar runs, sender, ingest, api; newar up is all of them. Leave it out"
    ),
    "NODE_ENV": OldName(None, _NO_USE),
    "REDIS_HOST": OldName(
        "REDIS_URL",
        f"{_REDIS}, which is read from it and those that follow. A name such as redis is known in the original's "
        "Compose network only; without REDIS_HOST newar up starts a server of its own",
    ),
    "REDIS_PORT": OldName("REDIS_URL", f"{_REDIS}, else 6379"),
    "REDIS_PASSWORD": OldName("REDIS_URL", _REDIS),
    "REDIS_DB": OldName("REDIS_URL", f"{_REDIS}, else 0, where the original took 2"),
    "POSTGRES_HOST": OldName(
        "LOG_DATABASE_URL",
        f"{_POSTGRES}, which is read from it and those that follow. A name such as postgres is known in the "
        "original's Compose network only; without POSTGRES_HOST newar up starts a server of its own",
    ),
    "POSTGRES_PORT": OldName("LOG_DATABASE_URL", f"{_POSTGRES}, else 5432"),
    "POSTGRES_USER": OldName("LOG_DATABASE_URL", _POSTGRES),
    "POSTGRES_PASSWORD": OldName("LOG_DATABASE_URL", f"{_POSTGRES}; and to Compose the password of its own PostgreSQL"),
    "POSTGRES_DB": OldName(
        "LOG_DATABASE_URL", f"{_POSTGRES}. Newar wants one of its own: CREATE DATABASE newar, and write newar"
    ),
    "POSTGRES_SCHEMA": OldName(
        None, "Newar's tables lie in a database of their own, in the schema of the login's search_path. Leave it out"
    ),
    "SUPABASE_DB_URL": OldName("SOURCE_DATABASE_URL", "read as SOURCE_DATABASE_URL"),
    "SUPABASE_URL": OldName(
        None,
        "the address of Supabase's web API, which Newar does not use: it reads three views in the database itself, and "
        f"without SOURCE_DATABASE_URL it has no source, so no run of Supabase is sent. How to get it: {THE_GUIDE}",
    ),
    "SUPABASE_SERVICE_ROLE_KEY": OldName(
        None,
        "a key of Supabase's web API, and no login of the database: make one by schema/source/reader.sql, which may "
        "read three views, and write it into SOURCE_DATABASE_URL. Take the key out: who has it may change everything",
    ),
    "SUPABASE_ANON_KEY": OldName(None, "a key of Supabase's web API, which Newar does not use. Leave it out"),
    "WORKER_CONCURRENCY": OldName("WORKER_CONCURRENCY", "the same; 100 without it, where the original took 50"),
    "MAX_SOCKETS": OldName("MAX_SOCKETS", "the same"),
    "POLL_INTERVAL_MS": OldName("POLL_INTERVAL_MS", "the same"),
    "LOG_LEVEL": OldName(None, "every line of the log is worth reading, so there are no levels. Leave it out"),
    "LOG_BATCH_SIZE": OldName("LOG_BATCH_SIZE", "the same; a busy ingest writes far larger batches"),
    "LOG_BATCH_INTERVAL_MS": OldName("LOG_BATCH_INTERVAL_MS", "the same"),
    "LOG_RETENTION_DAYS": OldName("LOG_RETENTION_DAYS", "the same"),
    "RATE_LIMIT_MAX_JOBS_PER_SECOND": OldName(
        "RATE_LIMIT_MAX_JOBS_PER_SECOND",
        "the same, over all senders together; without it there is no limit, where the original took 100",
    ),
    "RATE_LIMIT_PER_PAGE": OldName("RATE_LIMIT_PER_PAGE", "the same, over all senders together"),
    "CIRCUIT_BREAKER_ENABLED": OldName(
        None, "breakers are always on; what opens them stands in docs/rules.md. Leave it out"
    ),
    "CIRCUIT_BREAKER_THRESHOLD": OldName("CIRCUIT_BREAKER_THRESHOLD", "the same"),
    "CIRCUIT_BREAKER_TIMEOUT_MS": OldName("CIRCUIT_BREAKER_COOLDOWN_MS", "read as CIRCUIT_BREAKER_COOLDOWN_MS"),
    "FACEBOOK_GRAPH_API_VERSION": OldName("GRAPH_API_VERSION", "read as GRAPH_API_VERSION"),
    "API_PORT": OldName("API_PORT", "the same; 3100 without it, where the original took 3000"),
    "PORT": OldName("API_PORT", "read as API_PORT"),
    "API_ENABLE_BULL_BOARD": OldName(None, "the cockpit at /admin is always there. Leave it out"),
    "DEBUG": OldName(None, "NEWAR_DEBUG=1 shows the traceback of an error. Leave it out"),
    "DEBUG_POST_LINK": OldName(None, "newar run test sends a run's message to one person. Leave it out"),
    "PGADMIN_EMAIL": OldName(None, "pgAdmin is not among the services: newar log show reads the log. Leave it out"),
    "PGADMIN_PASSWORD": OldName(None, "as PGADMIN_EMAIL. Leave it out"),
}
"""Every name that the original knew, in the order of its `.env`, and what is said of it everywhere."""

_REDIS_PARTS = {"host": "REDIS_HOST", "port": "REDIS_PORT", "password": "REDIS_PASSWORD", "path": "REDIS_DB"}
_POSTGRES_PARTS = {
    "host": "POSTGRES_HOST",
    "port": "POSTGRES_PORT",
    "user": "POSTGRES_USER",
    "password": "POSTGRES_PASSWORD",
    "path": "POSTGRES_DB",
}
_ADDRESSES = {"REDIS_URL": ("redis", "6379", _REDIS_PARTS), "LOG_DATABASE_URL": ("postgresql", "5432", _POSTGRES_PARTS)}
"""Setting -> scheme, usual port, and what each part of its address was called."""


class Read(NamedTuple):
    """The value of a setting, and the old names that it was made of."""

    value: str
    names: tuple[str, ...]


def read(given: Mapping[str, str]) -> dict[str, Read]:
    """Return the settings that old names give; new names are not looked at.

    Args:
        given: what environment and `.env` say, by names in capitals; empty values left out.
    """
    found = {
        old.new: Read(given[name], (name,))
        for name, old in OLD_NAMES.items()
        if old.new and old.new not in _ADDRESSES and old.new != name and name in given
    }
    for new, (scheme, port, parts) in _ADDRESSES.items():
        if parts["host"] in given:
            names = tuple(name for name in parts.values() if name in given)
            found[new] = Read(
                _address(scheme, port, {part: given.get(name, "") for part, name in parts.items()}), names
            )
    return found


def differences(given: Mapping[str, str], news: Iterable[str]) -> list[str]:
    """Return a line for each of these settings that a new and an old name give differently; never a value."""
    found = read(given)
    return [
        f"{new} and {old} are both set, and say different things: keep {new}, and take {old} out"
        for new in news
        if new in given and new in found
        for old in _differing(new, given, found[new])
    ]


def unused(given: Mapping[str, str]) -> list[str]:
    """Return the old names among these that no setting comes from."""
    used = {name for made in read(given).values() for name in made.names}
    return [name for name, old in OLD_NAMES.items() if name in given and name not in used and old.new != name]


def _address(scheme: str, port: str, parts: Mapping[str, str]) -> str:
    host = parts["host"]
    host = f"[{host}]" if ":" in host else quote(host, safe="")
    user, password = (quote(parts.get(part, ""), safe="") for part in ("user", "password"))
    login = f"{user}:{password}@" if password else f"{user}@" if user else ""
    return f"{scheme}://{login}{host}:{quote(parts['port'] or port, safe='')}/{quote(parts['path'], safe='')}"


def _differing(new: str, given: Mapping[str, str], made: Read) -> Iterator[str]:
    """Yield the old names that say something else than the setting; of an address, the parts that they give."""
    if new not in _ADDRESSES:
        yield from made.names if given[new].strip() != made.value.strip() else ()
        return
    _, port, parts = _ADDRESSES[new]
    try:
        url = urlsplit(given[new])
        theirs = {"host": url.hostname or "", "port": str(url.port or port)}
    except ValueError:
        return  # whoever reads the setting says so
    theirs |= {"user": unquote(url.username or ""), "password": unquote(url.password or "")}
    theirs["path"] = unquote(url.path.lstrip("/")) or ("0" if new == "REDIS_URL" else "")
    ours = {part: given[name] for part, name in parts.items() if name in given}
    ours["host"] = ours["host"].lower()
    yield from (parts[part] for part, value in ours.items() if value != theirs[part])
