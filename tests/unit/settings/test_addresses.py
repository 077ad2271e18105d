"""Addresses that cannot be read: what to write is said, and no piece of a password."""

from __future__ import annotations

import pytest

from ops.settings.checked import read
from schema.runtime.settings import Settings, SettingsError
from sender.graph.http.proxy import ProxySettings
from sender.runs.settings import RunsSettings
from sender.settings import SenderSettings

CANARY = "S3cretPw"
ADDRESSES = {
    "LOG_DATABASE_URL": "postgresql://newar:{}@db.example.com:5432/newar",
    "SOURCE_DATABASE_URL": "postgres://newar:{}@db.example.com/postgres?sslmode=require",
    "REDIS_URL": "rediss://newar:{}@redis.example.com:6379/0",
    "GRAPH_API_URL": "https://newar:{}@graph.example.com",
    "HTTPS_PROXY": "http://newar:{}@proxy.example.com:8080",
}
PASSWORDS = [
    f"[{CANARY}]",
    f"{CANARY}]",
    f"[{CANARY}",
    f"[::{CANARY}]",
    f"{CANARY}/x",
    f"x/{CANARY}",
    f"x@{CANARY}",
    f"{CANARY}@x",
    f"x?{CANARY}=1",
    f"x?{CANARY}",
    f"?sslmode={CANARY}",
    f"x#{CANARY}",
    f"x:{CANARY}",
    f"{CANARY}:99999999",
    f"%zz{CANARY}",
    f"{CANARY}%",
    f"x{CANARY}\n",
    f"\uff03{CANARY}",  # its compatible form is a #
    f"x\u2100{CANARY}",  # which becomes a/c
]


def problems(name: str, address: str, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return what is said when services start with this address."""
    if name == "HTTPS_PROXY":
        try:
            ProxySettings.from_url(address)
        except ValueError as exc:
            return [str(exc)]
        return []
    monkeypatch.setenv(name, address)
    kinds: list[type[Settings]] = [RunsSettings, SenderSettings]
    found = []
    for kind in kinds:
        with pytest.raises(SettingsError) as caught:  # others are missing
            read(kind, env_file=None)
        found += caught.value.problems
    return found


@pytest.mark.parametrize("password", PASSWORDS, ids=ascii)
@pytest.mark.parametrize("name", ADDRESSES)
def test_no_piece_of_a_password_is_told(monkeypatch: pytest.MonkeyPatch, name: str, password: str) -> None:
    for address in (ADDRESSES[name].format(password), ADDRESSES[name].replace("newar:{}@", f"{password}@")):
        told = "\n".join(problems(name, address, monkeypatch))
        assert CANARY not in told
        assert CANARY.lower() not in told


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("pgbouncer=true&connection_limit=1", "pgbouncer, connection_limit"),
        ("sslmode=require&supa=base-pooler.x", "supa"),
        ("schema=public", "schema"),
    ],
)
def test_parameters_of_an_orm_are_named(monkeypatch: pytest.MonkeyPatch, query: str, names: str) -> None:
    address = f"postgresql://newar:{CANARY}@db.example.com:6543/postgres?{query}"
    (told,) = [p for p in problems("SOURCE_DATABASE_URL", address, monkeypatch) if p.startswith("SOURCE_DATABASE_URL")]
    assert told == f"SOURCE_DATABASE_URL: Postgres knows no {names}, an ORM's parameter: leave it out of the address"


def test_several_hosts_and_sockets_are_addresses(monkeypatch: pytest.MonkeyPatch) -> None:
    for address in (
        "postgresql://u:p@a:5432,b:5433/x",
        "postgresql:///x?host=/var/run/postgresql",
        "postgres://u@a/x?ssl=true",
    ):
        assert not [p for p in problems("LOG_DATABASE_URL", address, monkeypatch) if p.startswith("LOG_DATABASE_URL")]


@pytest.mark.parametrize(
    ("name", "address", "said"),
    [
        ("GRAPH_API_URL", "http://x:99999", "no port, that can be read"),
        ("GRAPH_API_URL", "http://x:abc", "no port, that can be read"),
        ("GRAPH_API_URL", "https://graph facebook.com", "GRAPH_API_URL"),
        ("GRAPH_API_URL", "https://graph.facebook.com/a b", "has a blank in it"),
        ("HTTPS_PROXY", "http://p:abc", "write http://host:port"),
        ("HTTPS_PROXY", "socks5://p:1", "must be http://host:port"),
    ],
)
def test_what_a_sender_cannot_connect_to_is_told_with_all_other_problems(
    monkeypatch: pytest.MonkeyPatch, name: str, address: str, said: str
) -> None:
    monkeypatch.setenv(name, address)
    with pytest.raises(SettingsError) as caught:
        read(SenderSettings, env_file=None)
    assert any(name in problem and said in problem for problem in caught.value.problems)
    assert any(problem.startswith("REDIS_URL") for problem in caught.value.problems)


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("ssl_ca_cert=/x", "nobody knows the option ssl_ca_cert"),
        ("foo=1", "nobody knows the option foo"),
        ("ssl_ca_certs=/no/such/file", "ssl_ca_certs is not a file with certificates"),
    ],
)
def test_option_of_redis_that_cannot_be_is_named(monkeypatch: pytest.MonkeyPatch, query: str, words: str) -> None:
    told = "\n".join(problems("REDIS_URL", f"rediss://:{CANARY}@redis.example.com:6379/0?{query}", monkeypatch))
    assert words in told
    assert CANARY not in told


def test_options_of_tls_belong_to_a_redis_with_tls(monkeypatch: pytest.MonkeyPatch) -> None:
    told = problems("REDIS_URL", "redis://redis.example.com:6379/0?ssl_ca_certs=/x", monkeypatch)
    assert any("begins with rediss://" in problem for problem in told)
