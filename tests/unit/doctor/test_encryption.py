"""What the doctor says of the ways to servers, by their addresses."""

from __future__ import annotations

import pytest
from pydantic import SecretStr

from ops.doctor.encryption import PostgresWay, Server, is_near, kafka_finding, redis_finding
from ops.doctor.finding import Finding
from schema.runtime.settings import KafkaSettings

SECRET = "S3cretPw"


@pytest.mark.parametrize(
    "host",
    [
        *("", "localhost", "LOCALHOST.", "db.localhost", "127.0.0.1", "127.8.9.1", "::1", "[::1]", "::ffff:127.0.0.1"),
        *("/var/run/postgresql", "@abstract", "postgres", "redpanda", "host.docker.internal"),
    ],
)
def test_what_stays_on_the_machine_or_among_its_containers_is_near(host: str) -> None:
    assert is_near(host)


@pytest.mark.parametrize(
    "host",
    [
        *("db.example.com", "aws-0-eu-west-1.pooler.supabase.com", "localhost.example.com", "redis.default.svc"),
        *(
            "10.0.0.5",
            "192.168.1.2",
            "172.17.0.2",
            "8.8.8.8",
            "fd00::5",
            "[2001:db8::1]",
            "fe80::1%eth0",
            "127.0.0.1.x",
        ),
    ],
)
def test_what_others_may_be_on_the_way_to_is_not(host: str) -> None:
    assert not is_near(host)


def judged(query: str, encrypted: bool | None, host: str = "db.example.com") -> Finding:
    url = SecretStr(f"postgresql://newar:{SECRET}@{host}:5432/newar{query}")
    finding = PostgresWay.of(url).judged("log database", encrypted)
    assert SECRET not in finding.text + finding.mend
    return finding


@pytest.mark.parametrize("encrypted", [True, None])
def test_only_a_checked_server_is_good(encrypted: bool | None) -> None:
    assert judged("?sslmode=verify-full", encrypted).status == "ok"


@pytest.mark.parametrize(
    ("query", "encrypted", "words"),
    [
        ("", True, "it is encrypted now, but a connection without TLS is taken without a word"),
        ("", None, "a connection without TLS is taken without a word, and nobody checks who answers"),
        ("", False, "NOT encrypted (sslmode=prefer)"),
        ("?sslmode=allow", True, "sslmode is allow"),
        ("?sslmode=disable", False, "NOT encrypted (sslmode=disable)"),
        ("?sslmode=disable", None, "NOT encrypted (sslmode=disable)"),
        ("?sslmode=require", True, "nobody checks for sure who answers"),
        ("?sslmode=verify-ca", True, "whoever has a certificate of the same authority"),
    ],
)
def test_less_than_a_checked_server_is_warned_of(query: str, encrypted: bool | None, words: str) -> None:
    finding = judged(query, encrypted)
    assert finding.status == "warn"
    assert words in finding.text
    assert "sslmode=verify-full&sslrootcert=/path/ca.crt" in finding.mend


@pytest.mark.parametrize("host", ["db.abcdefgh.supabase.co", "AWS-0-eu-west-1.pooler.supabase.com"])
def test_the_way_to_supabase_names_its_certificate(host: str) -> None:
    mend = judged("?sslmode=require", True, host).mend
    assert "dashboard" in mend
    assert "sslmode=verify-full&sslrootcert=/path/prod-ca-2021.crt" in mend


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]", "postgres"])
def test_a_near_server_is_not_warned_of(host: str) -> None:
    assert judged("?sslmode=disable", None, host).status == "ok"


def test_one_far_server_of_several_is_enough() -> None:
    assert judged("", True, "127.0.0.1,db.example.com").status == "warn"


def test_what_the_environment_says_to_libpq_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PGSSLMODE", "verify-full")
    assert judged("", True).status == "ok"


@pytest.mark.parametrize(
    ("url", "servers"),
    [
        ("postgresql:///d", [Server("", "", 5432)]),
        ("postgresql://a,b/d", [Server("a", "", 5432), Server("b", "", 5432)]),
        ("postgresql://a:1,b:2/d", [Server("a", "", 1), Server("b", "", 2)]),
        ("postgresql://a,b/d?port=7", [Server("a", "", 7), Server("b", "", 7)]),
        ("postgresql://a:6/d?hostaddr=10.0.0.1", [Server("a", "10.0.0.1", 6)]),
        ("postgresql:///d?hostaddr=10.0.0.1", [Server("10.0.0.1", "10.0.0.1", 5432)]),
    ],
)
def test_servers_of_an_address(url: str, servers: list[Server]) -> None:
    assert list(PostgresWay.of(SecretStr(url)).servers) == servers


@pytest.mark.parametrize(
    ("url", "status", "words"),
    [
        ("redis://:{}@redis.example.com", "warn", "NOT encrypted"),
        ("redis://:{}@10.0.0.5:6379/0", "warn", "NOT encrypted"),
        ("rediss://:{}@redis.example.com", "ok", "rediss://"),
        ("rediss://:{}@redis.example.com?ssl_cert_reqs=none", "warn", "ssl_cert_reqs"),
        ("rediss://:{}@redis.example.com?ssl_check_hostname=false", "warn", "ssl_check_hostname"),
        ("redis://:{}@127.0.0.1:6379/0", "ok", "stays on this machine"),
        ("redis://:{}@valkey:6379/0", "ok", "containers' network"),
        ("redis://", "ok", "stays on this machine"),
        ("unix:///run/redis.sock", "ok", "stays on this machine"),
    ],
)
def test_way_to_redis(url: str, status: str, words: str) -> None:
    finding = redis_finding("redis", SecretStr(url.format(SECRET)))
    assert finding.status == status
    assert words in finding.text
    assert SECRET not in finding.text + finding.mend
    assert (status == "ok") == (not finding.mend)


@pytest.mark.parametrize(
    ("servers", "protocol", "mechanism", "status", "words"),
    [
        ("b.example.com:9092", "PLAINTEXT", "PLAIN", "warn", "all events can be read"),
        ("b.example.com:9092", "SASL_PLAINTEXT", "PLAIN", "warn", "the password and all events can be read"),
        ("b.example.com:9092", "SASL_PLAINTEXT", "SCRAM-SHA-256", "warn", "on the way all events can be read"),
        ("redpanda:9092,b.example.com:9092", "PLAINTEXT", "PLAIN", "warn", "all events can be read"),
        ("b.example.com:9092", "SSL", "PLAIN", "ok", "(SSL)"),
        ("b.example.com:9092", "SASL_SSL", "PLAIN", "ok", "(SASL_SSL)"),
        ("redpanda:9092, [::1]:9092", "PLAINTEXT", "PLAIN", "ok", "stays on this machine"),
    ],
)
def test_way_to_the_broker(servers: str, protocol: str, mechanism: str, status: str, words: str) -> None:
    settings = KafkaSettings.model_validate(
        {
            "kafka_bootstrap_servers": servers,
            "kafka_security_protocol": protocol,
            "kafka_sasl_mechanism": mechanism,
            "kafka_sasl_username": "newar",
            "kafka_sasl_password": SECRET,
        }
    )
    finding = kafka_finding("kafka", settings)
    assert finding.status == status
    assert words in finding.text
    assert SECRET not in finding.text + finding.mend
