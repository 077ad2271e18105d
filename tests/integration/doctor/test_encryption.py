"""What the doctor says of TLS to real servers: why a handshake fails, and what a connection really is."""

from __future__ import annotations

from pathlib import Path

import pytest

from ops.doctor.examine import examine
from ops.doctor.finding import Finding
from tests.tls.doors import TROUBLES, Doors

DATABASES = ("log database", "source database")
Findings = dict[str, list[Finding]]


@pytest.fixture(autouse=True)
def nothing_set(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("REDIS_URL", "LOG_DATABASE_URL", "SOURCE_DATABASE_URL", "KAFKA_BOOTSTRAP_SERVERS"):
        monkeypatch.delenv(name, raising=False)


def found(monkeypatch: pytest.MonkeyPatch, **settings: object) -> Findings:
    for name, value in settings.items():
        monkeypatch.setenv(name, str(value))
    findings = examine()
    return {part: [f for f in findings if f.part == part] for part in ("redis", "kafka", *DATABASES)}


def failure(findings: list[Finding]) -> str:
    [failed] = [f for f in findings if f.status == "fail"]
    return failed.text


@pytest.mark.parametrize("kind", TROUBLES)
def test_cause_of_a_refused_handshake_is_told_of_every_server(
    monkeypatch: pytest.MonkeyPatch, doors: Doors, postgres_url: str, redis_url: str, kafka_bootstrap: str, kind: str
) -> None:
    told = found(
        monkeypatch,
        LOG_DATABASE_URL=doors.checked_postgres(postgres_url, kind),
        SOURCE_DATABASE_URL=doors.checked_postgres(postgres_url, kind),
        REDIS_URL=doors.checked_redis(redis_url, kind),
        KAFKA_BOOTSTRAP_SERVERS=f"127.0.0.1:{doors.open(kafka_bootstrap, kind)}",
        KAFKA_SECURITY_PROTOCOL="SSL",
        KAFKA_SSL_CAFILE=doors.ca_file,
    )
    for part, findings in told.items():
        assert TROUBLES[kind] in failure(findings), part


def test_server_that_speaks_tls_only_is_told_to_those_who_do_not(
    monkeypatch: pytest.MonkeyPatch, doors: Doors, postgres_url: str, redis_url: str, kafka_bootstrap: str
) -> None:
    told = found(
        monkeypatch,
        LOG_DATABASE_URL=doors.postgres(postgres_url, sslmode="disable"),
        SOURCE_DATABASE_URL=doors.postgres(postgres_url, sslmode="disable"),
        REDIS_URL=doors.checked_redis(redis_url).replace("rediss:", "redis:").partition("?")[0],
        KAFKA_BOOTSTRAP_SERVERS=f"127.0.0.1:{doors.open(kafka_bootstrap)}",
    )
    for findings in told.values():
        assert "the server takes us only with TLS" in failure(findings)


def test_server_without_tls_is_told_to_those_who_want_it(
    monkeypatch: pytest.MonkeyPatch, postgres_url: str, redis_url: str
) -> None:
    hangs_up = postgres_url.split("@")[1].split("/", maxsplit=1)[0]  # at the handshake, as Apache Kafka does
    told = found(
        monkeypatch,
        LOG_DATABASE_URL=f"{postgres_url}?sslmode=require",
        SOURCE_DATABASE_URL=f"{postgres_url}?sslmode=require",
        REDIS_URL=redis_url.replace("redis:", "rediss:"),
        KAFKA_BOOTSTRAP_SERVERS=hangs_up,
        KAFKA_SECURITY_PROTOCOL="SSL",
    )
    for part in DATABASES:
        assert "does not speak TLS on this port" in failure(told[part])
    for part in ("redis", "kafka"):
        assert "does not answer TLS's handshake: it speaks none on this port" in failure(told[part])


def way(findings: list[Finding]) -> tuple[str, str]:
    [finding] = [f for f in findings if "TLS" in f.text or "encrypted" in f.text]
    return finding.status, finding.text


def test_what_connections_really_are_is_told(
    monkeypatch: pytest.MonkeyPatch, doors: Doors, log_database_url: str, redis_url: str
) -> None:
    checked = {
        "LOG_DATABASE_URL": doors.checked_postgres(log_database_url),
        "REDIS_URL": doors.checked_redis(redis_url),
    }
    told = found(monkeypatch, SOURCE_DATABASE_URL=doors.postgres(log_database_url), **checked)
    good = "connects with TLS, and checks who answers"
    assert way(told["redis"]) == ("ok", f"{good} (rediss://)")
    assert way(told["log database"]) == ("ok", f"{good} (sslmode=verify-full)")
    status, text = way(told["source database"])
    assert status == "warn"
    assert "it is encrypted now, but a connection without TLS is taken without a word" in text


def test_connection_that_fell_back_to_plain_is_told(monkeypatch: pytest.MonkeyPatch, log_database_url: str) -> None:
    far = log_database_url.replace("127.0.0.1", "db.newar.test") + "?hostaddr=127.0.0.1"
    assert way(found(monkeypatch, LOG_DATABASE_URL=far)["log database"]) == (
        "warn",
        "NOT encrypted (sslmode=prefer): on the way it can be read and changed",
    )


@pytest.mark.parametrize(
    ("root", "words"),
    [("/no/such/ca.crt", "is missing or cannot be read"), ("system", "sslrootcert=/etc/ssl/certs/ca-certificates.crt")],
)
def test_authorities_that_cannot_be_read_are_told(
    monkeypatch: pytest.MonkeyPatch, doors: Doors, postgres_url: str, root: str, words: str
) -> None:
    url = doors.postgres(postgres_url, sslmode="verify-full", sslrootcert=root)
    assert words in failure(found(monkeypatch, LOG_DATABASE_URL=url)["log database"])
