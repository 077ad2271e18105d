"""What PostgreSQL, or a pooler before it, means when it answers and refuses us, and what to do about it. Pure.

Nothing that can be of a row is repeated: no DETAIL, no CONTEXT, no value, and not what an operator's function says.
psycopg is known by its name only: senders log outages too, and never import it.
"""

from __future__ import annotations

import re
from typing import Any, NamedTuple

from schema.runtime.tls_trouble import tls_trouble

_LONGEST = 200
_AWAY = re.compile("08|40|57P0[1235]")
"""The server, or the transaction, ended for reasons of its own: trying again is all there is to do."""
_SAYS_NO_VALUES = ("08", "0A", "25", "28", "3D", "3F", "40", "42", "53", "54", "55", "57", "58")
"""Classes of SQLSTATE whose first line names things of the schema and no values; of 22 and 23, say, one cannot know."""
_SPEAKS_FOR_ITSELF = ("53", "57")
"""Also within a function: the server is meant."""
_FUNCTION = re.compile(r'(?:PL/\w+|SQL) function ("[^"]{1,63}"|[\w.]{1,130})')
_RAISED = re.compile("exec_stmt_raise|PLy|plperl|pltcl")
_NAME = re.compile(r"[\w$ -]{1,63}")

_ESCAPED = "% @ : / # in passwords are %25 %40 %3A %2F %23"
_SESSION_POOL = (
    "a pooler in transaction mode is before it, where every transaction has another connection, without what the one "
    "before has made: write the address of PostgreSQL itself, or of a pooler in session mode, into LOG_DATABASE_URL"
)
NEW_DATABASE = "CREATE DATABASE newar ENCODING 'UTF8' TEMPLATE template0 LOCALE 'C'"


class _Refusal(NamedTuple):
    """`states`: the beginnings of its SQLSTATE, in no language. `text`: how it is known where it has none of its own.

    What answers a login has none (libpq keeps it to itself), a pooler one for everything. `both`: the state alone can
    mean something else too.
    """

    states: str
    text: str
    words: str
    both: bool = False


_REFUSALS = (
    _Refusal(
        "25006",
        "read-only transaction|session is read-only|during recovery|hot standby mode",
        "it takes no writes: it is a replica, or default_transaction_read_only is on (hosts set it when a disk is "
        "nearly full). Write the address of the primary into LOG_DATABASE_URL; or make room, then ALTER ROLE and ALTER "
        "DATABASE … RESET default_transaction_read_only",
    ),
    _Refusal(
        "53100",
        "no space left on device",
        "its disk is full: give it more room, or keep fewer days (newar partitions drop --keep-days 3). Nothing is "
        "lost while the topic keeps the events",
    ),
    _Refusal(
        "53300",
        "too many (clients|connections)|remaining connection slots|no more connections allowed|max clients reached",
        "all its connections are taken: end some that idle (SELECT * FROM pg_stat_activity), or raise max_connections, "
        "or where they have one the limit of the role, the database or the pooler",
    ),
    _Refusal(
        "53200",
        "out of shared memory|max_locks_per_transaction",
        "its table of locks is full: set max_locks_per_transaction = 256 and start it again",
        both=True,
    ),
    _Refusal("53200", "out of memory", "it is out of memory: give it more, or lower work_mem and max_connections"),
    _Refusal("53400", "temp_file_limit", "temp_file_limit is too low for it: ALTER ROLE … SET temp_file_limit = '1GB'"),
    _Refusal(
        "28P01",
        "password authentication failed|sasl authentication failed|no such user",
        f"the user or the password in its address is wrong: write them again ({_ESCAPED})",
    ),
    _Refusal("28", "no password supplied", f"it wants a password, and its address has none: write it ({_ESCAPED})"),
    _Refusal(
        "28000",
        'role ".*" does not exist|role ".*" is not permitted to log in|tenant or user not found',
        "the user in its address does not exist there, or may not log in: CREATE ROLE or ALTER ROLE … LOGIN PASSWORD; "
        "with Supabase's pooler the user is postgres.PROJECT",
        both=True,
    ),
    _Refusal(
        "28000",
        "no pg_hba.conf entry|pg_hba.conf rejects",
        "its pg_hba.conf lets this user not into this database from this machine: add a line for it and reload, or let "
        "the host's network rules admit this machine",
        both=True,
    ),
    _Refusal(
        "3D000|57P04",
        'database ".*" does not exist|no such database',
        f"there is no database of that name: write the right one behind the last / of its address, or {NEW_DATABASE}",
    ),
    _Refusal(
        "55000",
        "is not currently accepting connections",
        "this database takes no connections: ALTER DATABASE … ALLOW_CONNECTIONS true",
        both=True,
    ),
    _Refusal("42501", "", "this login lacks a right{said}: use the login that ran newar migrate, or GRANT it"),
    _Refusal("26000|42P05", "", _SESSION_POOL),
    _Refusal("", "statement pooling mode", "a pooler in statement mode is before it: set pool_mode = session there"),
    _Refusal(
        "",
        "unsupported startup parameter",
        "the pooler before it refuses an option behind the ? of its address: leave it out, or name it in the pooler's "
        "ignore_startup_parameters",
    ),
    _Refusal("", "query_wait_timeout", "the pooler has no free connection to it: raise default_pool_size there"),
    _Refusal(
        "",
        "server_login_retry|server login (has been )?fail|cannot connect to server|server_connect_timeout",
        "the pooler before it does not reach PostgreSQL, or cannot log in there: see the pooler's log",
    ),
    _Refusal("42P01|42703|42883|42704|3F000|42P10", "", "it is not as this version needs it{said}: newar migrate"),
    _Refusal(
        "57014",
        "statement timeout",
        "a statement took longer than statement_timeout allows: ALTER ROLE … SET statement_timeout = '5min'",
        both=True,
    ),
    _Refusal(
        "25P03|25P04",
        "",
        "a timeout ended our transaction{said}: ALTER ROLE … SET idle_in_transaction_session_timeout = '5min' and "
        "transaction_timeout",
    ),
    _Refusal(
        "55P03",
        "",
        "somebody keeps what we need locked{said}: SELECT pid, query, pg_blocking_pids(pid) FROM pg_stat_activity "
        "shows who; where lock_timeout is set for this role, ALTER ROLE … SET lock_timeout = '1min'",
    ),
    _Refusal("22P05", "", f"its encoding cannot hold every text: {NEW_DATABASE}, then newar migrate there"),
    _Refusal("58|XX001|XX002", "", "a file of its is missing, damaged or cannot be read: see its own log and its disk"),
    _Refusal(
        "23514", "no partition of relation", "the log has no partition for that day: newar partitions ensure", both=True
    ),
)


def database_refusal(error: BaseException) -> str | None:
    """Return why PostgreSQL refuses us and what to do, to be read behind its name.

    None for errors of others, for trouble of TLS, and for a server that is away, starts or stops.
    """
    if not _is_psycopg(error) or tls_trouble(error):
        return None
    state = _state(error)
    known = None if _by_function(error) else next((r for r in _REFUSALS if _is(r, state, _text(error))), None)
    if known is not None:
        return known.words.replace("{said}", _in_brackets(_said(error)))
    if not state or _AWAY.match(state):
        return None
    theirs = "; change or drop what is yours of these" if _by_function(error) or state.startswith("23") else ""
    return f"it refuses what we ask: {without_rows(error)}{theirs}"


def _is(known: _Refusal, state: str, text: str) -> bool:
    fits = bool(known.states) and re.match(known.states, state) is not None
    says = bool(known.text) and re.search(known.text, text, re.IGNORECASE) is not None
    if state in ("", "08P01"):
        return says
    return fits and (says or not known.both)


def without_rows(error: BaseException) -> str:
    """Return what an error is, in one line, without anything that may be of a row. Other libraries' as they are."""
    if not _is_psycopg(error):
        return f"{type(error).__name__}: {error}"
    state = _state(error)
    if not state:  # of the connection; or a value that psycopg cannot make anything of
        values = any(kind.__name__ == "DataError" for kind in type(error).__mro__)
        return type(error).__name__ if values else f"{type(error).__name__}: {_line(str(error))}"
    parts = [f"{kind} {name}" for kind in ("table", "column", "constraint") if (name := _named(error, kind))]
    if _by_function(error):
        function = _FUNCTION.search(_diag(error, "context"))
        name = f"function {function[1]}" if function else "a function"
        parts.append(f"{name}, whose own words may hold data: they stand in PostgreSQL's log")
    return ", ".join([f"{type(error).__name__} ({state})", *([said] if (said := _said(error)) else []), *parts])


def _said(error: BaseException) -> str:
    """Return the first line of what the server says, where it can hold no values."""
    state = _state(error)
    partition = state == "23514" and _diag(error, "source_function") == "ExecFindPartition"
    if _by_function(error) or not (state.startswith(_SAYS_NO_VALUES) or partition):
        return ""
    return _line(_diag(error, "message_primary"))


def _by_function(error: BaseException) -> bool:
    """Say whether an operator's function (of a trigger, a view) speaks or fails, and not the server itself."""
    inside = _FUNCTION.search(_diag(error, "context")) is not None
    return _raised(error) or (inside and not _state(error).startswith(_SPEAKS_FOR_ITSELF))


def _raised(error: BaseException) -> bool:
    return _RAISED.search(_diag(error, "source_function")) is not None


def _is_psycopg(error: BaseException) -> bool:
    return any(kind.__module__.partition(".")[0] == "psycopg" for kind in type(error).__mro__)


def _state(error: Any) -> str:
    return getattr(error, "sqlstate", None) or ""


def _diag(error: Any, field: str) -> str:
    return getattr(getattr(error, "diag", None), field, None) or ""


def _text(error: BaseException) -> str:
    return _diag(error, "message_primary") or str(error)  # what stands below it can hold any words


def _named(error: BaseException, kind: str) -> str:
    """Return a name of the schema; not what a function gives out as one."""
    name = _diag(error, f"{kind}_name")
    return name if _NAME.fullmatch(name) and not _raised(error) else ""


def _in_brackets(said: str) -> str:
    return f" ({said})" if said else ""


def _line(text: str) -> str:
    return next(iter(text.strip().splitlines()), "")[:_LONGEST]
