"""The original's names: what is read from them, what of it differs from ours, and which have no use."""

from __future__ import annotations

from urllib.parse import unquote, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schema.runtime.old_names import OLD_NAMES, differences, read, unused

POSTGRES = {"POSTGRES_HOST": "db", "POSTGRES_USER": "me", "POSTGRES_PASSWORD": "pw", "POSTGRES_DB": "sender"}


@pytest.mark.parametrize(
    ("names", "made"),
    [
        ({"REDIS_HOST": "redis"}, {"REDIS_URL": "redis://redis:6379/"}),
        (
            {"REDIS_HOST": "r", "REDIS_PORT": "7", "REDIS_PASSWORD": "a@b:c/d#%", "REDIS_DB": "2"},
            {"REDIS_URL": "redis://:a%40b%3Ac%2Fd%23%25@r:7/2"},
        ),
        ({"REDIS_HOST": "::1"}, {"REDIS_URL": "redis://[::1]:6379/"}),
        ({"REDIS_PORT": "tcp://10.0.0.1:6379", "REDIS_PASSWORD": "pw"}, {}),
        (POSTGRES, {"LOG_DATABASE_URL": "postgresql://me:pw@db:5432/sender"}),
        ({"POSTGRES_HOST": "/run/postgresql"}, {"LOG_DATABASE_URL": "postgresql://%2Frun%2Fpostgresql:5432/"}),
        ({"POSTGRES_PASSWORD": "of-compose"}, {}),
        ({"SUPABASE_DB_URL": "postgres://a/b"}, {"SOURCE_DATABASE_URL": "postgres://a/b"}),
        ({"CIRCUIT_BREAKER_TIMEOUT_MS": "5"}, {"CIRCUIT_BREAKER_COOLDOWN_MS": "5"}),
        ({"FACEBOOK_GRAPH_API_VERSION": "v25.0", "PORT": "80"}, {"GRAPH_API_VERSION": "v25.0", "API_PORT": "80"}),
        ({"WORKER_CONCURRENCY": "50", "CIRCUIT_BREAKER_THRESHOLD": "5", "NODE_ENV": "x", "SUPABASE_URL": "y"}, {}),
    ],
)
def test_settings_are_read_from_old_names(names: dict[str, str], made: dict[str, str]) -> None:
    assert {new: found.value for new, found in read(names).items()} == made


@given(st.text(min_size=1), st.text(min_size=1), st.text(min_size=1))
def test_any_login_comes_out_of_the_address_as_it_went_in(user: str, password: str, database: str) -> None:
    names = {"POSTGRES_HOST": "db", "POSTGRES_USER": user, "POSTGRES_PASSWORD": password, "POSTGRES_DB": database}
    url = urlsplit(read(names)["LOG_DATABASE_URL"].value)
    assert (url.hostname, url.port) == ("db", 5432)
    assert [unquote(part or "") for part in (url.username, url.password, url.path[1:])] == [user, password, database]


@given(st.dictionaries(st.sampled_from(sorted({*OLD_NAMES, "REDIS_URL", "LOG_DATABASE_URL"})), st.text(min_size=1)))
def test_no_text_is_an_error_and_no_old_name_is_forgotten(names: dict[str, str]) -> None:
    differences(names, ["REDIS_URL", "LOG_DATABASE_URL", "API_PORT"])
    used = {name for found in read(names).values() for name in found.names}
    same = {name for name, old in OLD_NAMES.items() if old.new == name}
    assert used | set(unused(names)) | (same & names.keys()) == names.keys() & OLD_NAMES.keys()


@pytest.mark.parametrize(
    ("names", "differing"),
    [
        ({"REDIS_URL": "rediss://default:p%40w@R:6379/2?x=1", "REDIS_HOST": "r", "REDIS_PASSWORD": "p@w"}, []),
        ({"REDIS_URL": "redis://r", "REDIS_HOST": "r", "REDIS_PORT": "6379", "REDIS_DB": "0"}, []),
        ({"REDIS_URL": "redis://r/1", "REDIS_HOST": "r", "REDIS_DB": "0"}, ["REDIS_DB"]),
        ({"REDIS_URL": "redis://:a@r", "REDIS_HOST": "q", "REDIS_PASSWORD": "b"}, ["REDIS_HOST", "REDIS_PASSWORD"]),
        ({"REDIS_URL": "redis://:a@r", "REDIS_PASSWORD": "b", "REDIS_PORT": "tcp://10.0.0.1:1"}, []),
        ({"LOG_DATABASE_URL": "postgresql://me:pw@db/sender", **POSTGRES}, []),
        ({"LOG_DATABASE_URL": "postgresql://me:pw@db/newar", **POSTGRES}, ["POSTGRES_DB"]),
        ({"LOG_DATABASE_URL": "postgresql://a:b@c/d", "POSTGRES_PASSWORD": "of-compose"}, []),
        ({"LOG_DATABASE_URL": "postgresql://[", **POSTGRES}, []),
        ({"API_PORT": "3100", "PORT": "80"}, ["PORT"]),
        ({"API_PORT": "80", "PORT": "80"}, []),
    ],
)
def test_an_old_name_that_says_something_else_is_told_with_the_new_one(
    names: dict[str, str], differing: list[str]
) -> None:
    lines = differences(names, ["REDIS_URL", "LOG_DATABASE_URL", "API_PORT"])
    assert [line.split(" are both set")[0].split(" and ")[1] for line in lines] == differing


def test_names_that_have_no_use_are_those_that_nothing_is_read_from() -> None:
    names = dict.fromkeys(
        ["REDIS_PORT", "NODE_ENV", "PORT", "POLL_INTERVAL_MS", "POSTGRES_SCHEMA", "POSTGRES_HOST"], "1"
    )
    assert unused(names) == ["NODE_ENV", "REDIS_PORT", "POSTGRES_SCHEMA"]
