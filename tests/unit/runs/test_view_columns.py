"""Types of the views' columns: what is refused, and what to write instead."""

from __future__ import annotations

import pytest

from sender.runs.databases.view_columns import ViewKind, unfit

GOOD: dict[ViewKind, dict[str, str]] = {
    "runs": {
        **dict.fromkeys(
            ("run_id", "page_id", "page_access_token", "messaging_type", "tag", "notification_type"), "text"
        ),
        **dict.fromkeys(("status", "send_window", "on_unknown", "priority"), "text"),
        **dict.fromkeys(("scheduled_at", "expires_at", "updated_at"), "timestamp with time zone"),
        "message": "jsonb",
    },
    "recipients": {
        "run_id": "uuid",
        "recipient_id": "bigint",
        "variables": "json",
        "last_interaction_at": "timestamp(3) with time zone",
    },
    "pages": {
        **dict.fromkeys(("page_id", "page_access_token", "time_zone"), "character varying(40)"),
        **dict.fromkeys(("weight", "limit_text", "limit_media"), "integer"),
    },
}


@pytest.mark.parametrize("kind", GOOD)
def test_columns_of_their_own_types_are_fit(kind: ViewKind) -> None:
    assert list(unfit(kind, "v", GOOD[kind])) == []


@pytest.mark.parametrize(
    ("kind", "column", "found"),
    [
        ("recipients", "recipient_id", "numeric"),
        ("recipients", "recipient_id", "numeric(20,0)"),
        ("recipients", "recipient_id", "character varying(64)"),
        ("recipients", "time_zone", "text"),
        ("runs", "status", "broadcast_status"),
        ("runs", "message", "text"),
        ("runs", "priority", "double precision"),
        ("runs", "recipients", "bigint"),
        ("runs", "page_id", "citext"),
    ],
)
def test_neighbouring_types_are_fit_too(kind: ViewKind, column: str, found: str) -> None:
    assert list(unfit(kind, "v", {**GOOD[kind], column: found})) == []


@pytest.mark.parametrize(
    ("kind", "column", "found", "mend"),
    [
        ("recipients", "recipient_id", "double precision", "import the ids again as text"),
        ("recipients", "recipient_id", "real", "rounds long ids"),
        ("recipients", "recipient_id", "numeric(20,2)", "adds digits"),
        ("recipients", "recipient_id", "text[]", "psid::text AS recipient_id"),
        ("recipients", "recipient_id", "jsonb", "psid::text AS recipient_id"),
        ("recipients", "run_id", "bytea", "write the id as text"),
        ("runs", "page_id", "double precision", "page_id::text"),
        ("recipients", "variables", "text", "write variables::jsonb, or NULL::jsonb"),
        ("recipients", "variables", "character varying(99)", "write variables::jsonb"),
        ("recipients", "variables", "text[]", "jsonb_build_object"),
        ("recipients", "variables", "jsonb[]", "jsonb_build_object"),
        ("recipients", "variables", "hstore", "write variables::jsonb"),
        ("recipients", "last_interaction_at", "timestamp(6) without time zone", "AT TIME ZONE 'UTC'"),
        ("recipients", "last_interaction_at", "numeric", "to_timestamp(last_interaction_at / 1000.0)"),
        ("recipients", "time_zone", "interval", "write text"),
        ("runs", "scheduled_at", "time without time zone", "scheduled_at::timestamptz"),
        ("runs", "expires_at", "date", "expires_at::timestamp AT TIME ZONE"),
        ("runs", "status", "boolean", "NULL::text AS status"),
        ("runs", "message", "jsonb[]", '{"text": "Hello"}'),
        ("runs", "message", "bytea", '{"text": "Hello"}'),
        ("runs", "page_access_token", "jsonb", "write text"),
        ("runs", "priority", "boolean", "NULL::int AS priority"),
        ("runs", "recipients", "jsonb", "write a whole number"),
        ("pages", "limit_text", "text[]", "NULL::int AS limit_text"),
        ("pages", "weight", "interval", "write a whole number"),
    ],
)
def test_other_types_are_named_with_what_to_write(kind: ViewKind, column: str, found: str, mend: str) -> None:
    [problem] = unfit(kind, "v", {**GOOD[kind], column: found})
    assert problem.startswith(f"{column} of the view v is {found}")
    assert mend in problem


def test_all_problems_of_a_view_are_told_at_once() -> None:
    has = {"run_id": "text", "recipient_id": "real", "variables": "text"}
    lacking, ids, variables = unfit("recipients", "v", has)
    assert "lacks last_interaction_at" in lacking
    assert "NULL::timestamptz AS last_interaction_at" in lacking
    assert ("recipient_id" in ids, "variables" in variables) == (True, True)


def test_view_that_is_not_there_is_named_with_its_setting() -> None:
    assert list(unfit("pages", "v", {})) == [
        "the view v does not exist here: create it, or name yours in SOURCE_PAGES_VIEW"
    ]
