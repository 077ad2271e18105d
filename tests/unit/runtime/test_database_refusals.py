"""What people are told when PostgreSQL or a pooler answers and refuses: what to do, and nothing of a row."""

from __future__ import annotations

from typing import Any

import psycopg
import pytest
from aiokafka.errors import KafkaConnectionError
from hypothesis import given
from hypothesis import strategies as st
from psycopg import errors
from psycopg.pq import DiagnosticField as Field
from structlog.testing import capture_logs

from ops.shell.detail import telling
from ops.shell.said import explain
from schema.runtime.database_refusals import database_refusal, without_rows
from schema.runtime.logging import without_secrets
from schema.runtime.outage import Outage

SECRET = "psid-7001"
DETAIL = f"Failing row contains (1, {SECRET},\n{SECRET})."
CONTEXT = f"COPY message_log_stage, line 1, column run_id: {SECRET}"
RAISED = {"context": f"PL/pgSQL function refuse({SECRET}) line 3 at RAISE", "source_function": "exec_stmt_raise"}


def answer(state: str, said: str = f"value {SECRET}", **fields: str) -> psycopg.Error:
    """What psycopg raises for this answer of the server's, which repeats a row wherever it can."""
    told: dict[str, str] = {"sqlstate": state, "message_primary": said, "message_detail": DETAIL, "context": CONTEXT}
    info: dict[int, Any] = {Field[name.upper()]: value.encode() for name, value in {**told, **fields}.items()}
    text = "\n".join([said, f"DETAIL:  {DETAIL}", f"CONTEXT:  {(told | fields)['context']}"])
    try:
        kind = errors.lookup(state)
    except KeyError:
        kind = psycopg.DatabaseError
    error = kind(text, info=info)
    error.sqlstate = state
    return error


def at_login(text: str) -> psycopg.Error:
    """What psycopg raises when a connection is refused: libpq's text, without a state."""
    return psycopg.OperationalError(
        f'connection failed: connection to server at "db", port 5432 failed: FATAL:  {text}'
    )


STATES = [
    ("25006", "cannot execute INSERT in a read-only transaction", ["takes no writes", "primary", "RESET"]),
    ("53100", 'could not extend file "base/1/2": No space left on device', ["disk is full", "newar partitions drop"]),
    ("53200", "out of shared memory", ["max_locks_per_transaction"]),
    ("53200", "out of memory", ["out of memory", "work_mem"]),
    ("53300", "sorry, too many clients already", ["all its connections are taken", "max_connections"]),
    ("53300", "zu viele Verbindungen", ["all its connections are taken"]),
    ("53400", "temporary file size exceeds temp_file_limit (1kB)", ["temp_file_limit"]),
    ("28P01", "password authentication failed", ["user or the password", "%40"]),
    ("3D000", 'database "x" does not exist', ["no database of that name", "CREATE DATABASE"]),
    ("42501", "permission denied for table message_logs", ["permission denied for table message_logs", "GRANT"]),
    ("42P01", 'relation "message_logs" does not exist', ['relation "message_logs" does not exist', "newar migrate"]),
    ("42P05", 'prepared statement "_pg3_0" already exists', ["pooler in transaction mode"]),
    ("26000", 'prepared statement "_pg3_0" does not exist', ["pooler in transaction mode"]),
    ("08P01", "transaction blocks not allowed in statement pooling mode", ["statement mode", "pool_mode"]),
    ("57014", "canceling statement due to statement timeout", ["ALTER ROLE … SET statement_timeout"]),
    ("55P03", "canceling statement due to lock timeout", ["locked", "pg_blocking_pids", "lock_timeout"]),
    ("25P03", "terminating connection due to idle-in-transaction timeout", ["idle_in_transaction_session_timeout"]),
    ("22P05", 'character has no equivalent in encoding "LATIN1"', ["encoding", "CREATE DATABASE"]),
    ("XX001", "invalid page in block 3", ["damaged"]),
]

LOGINS = [
    ('password authentication failed for user "newar"', "user or the password"),
    ("SASL authentication failed", "user or the password"),
    ('role "newar" does not exist', "the user in its address"),
    ('role "newar" is not permitted to log in', "the user in its address"),
    ("(ENOTFOUND) Tenant or user not found", "postgres.PROJECT"),
    ('database "newar" does not exist', "no database of that name"),
    ('no pg_hba.conf entry for host "10.0.0.9", user "u", database "d", SSL encryption', "pg_hba.conf"),
    ("sorry, too many clients already", "all its connections are taken"),
    ('too many connections for role "newar"', "all its connections are taken"),
    ("remaining connection slots are reserved for roles with the SUPERUSER attribute", "all its connections"),
    ("no more connections allowed (max_client_conn)", "all its connections are taken"),
    ("MaxClientsInSessionMode: max clients reached", "all its connections are taken"),
    ("unsupported startup parameter: options", "ignore_startup_parameters"),
    ("query_wait_timeout", "default_pool_size"),
    ("server login has been failing, try again later (server_login_retry)", "does not reach PostgreSQL"),
    ("session is read-only", "takes no writes"),
]


@pytest.mark.parametrize(("state", "text", "said"), STATES)
def test_refusal_says_what_it_is_and_what_to_do(state: str, text: str, said: list[str]) -> None:
    told = database_refusal(answer(state, text))
    assert told is not None
    assert all(words in told for words in said), told
    assert SECRET not in told


@pytest.mark.parametrize(("text", "said"), LOGINS)
def test_refusal_of_a_login_is_known_by_its_text(text: str, said: str) -> None:
    error = at_login(text)
    assert said in str(database_refusal(error))
    assert said in telling(error)
    with capture_logs() as lines:
        Outage("log_database").failed(error, 0.0)
    assert [(line["event"], said in line["reason"]) for line in lines] == [("part_refuses", True)]


@pytest.mark.parametrize(
    "error",
    [
        answer("57P01", "terminating connection due to administrator command"),
        answer("57P03", "the database system is starting up"),
        answer("40P01", "deadlock detected"),
        answer("08006", "connection failure"),
        at_login("the database system is starting up"),
        psycopg.OperationalError('connection to server at "db", port 5432 failed: Connection refused'),
        psycopg.OperationalError("consuming input failed: server closed the connection unexpectedly"),
        at_login('no pg_hba.conf entry for host "10.0.0.9", user "u", database "d", no encryption'),  # TLS tells that
        KafkaConnectionError("too many clients already"),
        OSError("too many clients already"),
    ],
)
def test_server_that_is_away_refuses_nothing(error: Exception) -> None:
    assert database_refusal(error) is None


REFUSED_ROWS = [
    answer(
        "23514", f'new row for relation "message_logs" violates check constraint "{SECRET}"', table_name="message_logs"
    ),
    answer("23505", f"duplicate key {SECRET}", constraint_name="message_logs_event"),
    answer("22P02", f'invalid input syntax for type integer: "{SECRET}"', column_name="attempt"),
    answer("22021", f"invalid byte sequence {SECRET}"),
    answer("P0001", f"nobody named {SECRET}", **RAISED),
    answer("53100", f"disk full of {SECRET}", **RAISED),
    answer("42703", f'column "{SECRET}" does not exist', context="PL/pgSQL function refuse() line 1 at EXECUTE"),
    answer("23514", f"no {SECRET}", constraint_name=SECRET, source_function="exec_stmt_raise"),
    answer("ZZ999", f"never seen {SECRET}"),
    answer("XX000", f"unexpected {SECRET}"),
    psycopg.DataError(f"date too large: {SECRET}"),
]


@pytest.mark.parametrize("error", REFUSED_ROWS)
def test_nothing_of_a_row_is_told_or_logged(error: psycopg.Error) -> None:
    with capture_logs() as lines:
        Outage("log_database").failed(error, 0.0)
    [line] = lines
    for told in (str(line), without_rows(error), telling(error), *explain(error)):
        assert SECRET not in told
        assert "\n" not in told
    if error.sqlstate:
        assert error.sqlstate in line["reason"]


def test_what_refuses_a_row_is_named() -> None:
    by_check = answer("23514", table_name="message_logs", constraint_name="no_tests")
    assert without_rows(by_check) == "CheckViolation (23514), table message_logs, constraint no_tests"
    assert "RaiseException (P0001), function refuse, whose own words" in without_rows(answer("P0001", **RAISED))
    by_sql = answer("22012", context='SQL function "opened" statement 1')
    assert 'DivisionByZero (22012), function "opened", whose own' in without_rows(by_sql)
    assert "change or drop" in str(database_refusal(by_check))
    no_day = answer(
        "23514", 'no partition of relation "message_logs" found for row', source_function="ExecFindPartition"
    )
    assert "newar partitions ensure" in str(database_refusal(no_day))


def test_rows_in_a_traceback_are_cut_out() -> None:
    text = f"  | psycopg.errors.CheckViolation: refused\n  | DETAIL:  {DETAIL}\n  | CONTEXT:  {CONTEXT}"
    assert without_secrets(text) == "  | psycopg.errors.CheckViolation: refused\n  | DETAIL: ***"
    chained = f"X: refused\nDETAIL:  {DETAIL}\n\nDuring handling of the above exception, another one\nValueError: no"
    assert without_secrets(chained) == (
        "X: refused\nDETAIL: ***During handling of the above exception, another one\nValueError: no"
    )
    assert without_secrets("no DETAIL: here") == "no DETAIL: here"


@given(st.from_regex(r"[0-9A-Z]{5}", fullmatch=True), st.text(), st.text(), st.sampled_from(["", "exec_stmt_raise"]))
def test_no_answer_is_too_odd_to_be_told(state: str, said: str, context: str, function: str) -> None:
    texts = {"said": said.replace("\0", ""), "context": context.replace("\0", ""), "source_function": function}
    error = answer(state, **{name: text.encode("utf-8", "replace").decode() for name, text in texts.items()})
    assert "\n" not in without_rows(error)
    assert SECRET not in f"{database_refusal(error)} {without_rows(error)}"
