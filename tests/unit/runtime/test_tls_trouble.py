"""What is said of connections that TLS keeps from coming about, by what libraries say."""

from __future__ import annotations

import ssl

import psycopg
import pytest
import redis
from aiokafka.errors import KafkaConnectionError
from hypothesis import given
from hypothesis import strategies as st
from structlog.testing import capture_logs

from schema.runtime.handshake import HandshakeError
from schema.runtime.outage import Outage
from schema.runtime.tls_trouble import NO_ANSWER, SPEAKS_TLS, tls_trouble

TEXTS = [
    ("SSL error: certificate verify failed", "does not stand the check"),
    ("certificate verify failed: unable to get local issuer certificate (_ssl.c:1006)", "authority that is not known"),
    ("certificate verify failed: self-signed certificate (_ssl.c:1006)", "authority that is not known"),
    ("certificate verify failed: certificate has expired (_ssl.c:1006)", "has expired"),
    ("certificate verify failed: certificate is not yet valid (_ssl.c:1006)", "not valid yet"),
    ("certificate verify failed: Hostname mismatch, certificate is not valid for 'db'.", "for another name"),
    ("certificate verify failed: IP address mismatch, certificate is not valid for '10.0.0.1'.", "for another name"),
    ('server certificate for "a.test" (and 1 other name) does not match host name "b.test"', "for another name"),
    ("server does not support SSL, but SSL was required", "does not speak TLS"),
    ("[SSL: WRONG_VERSION_NUMBER] wrong version number (_ssl.c:1006)", "does not speak TLS"),
    ("[SSL: RECORD_LAYER_FAILURE] record layer failure (_ssl.c:1029)", "does not speak TLS"),
    (NO_ANSWER, "does not answer TLS's handshake"),
    ('FATAL:  no pg_hba.conf entry for host "10.0.0.9", user "u", database "d", no encryption', "only with TLS"),
    ('FATAL:  no pg_hba.conf entry for host "10.0.0.9", user "u", database "d", SSL off', "only with TLS"),
    ("FATAL:  SSL required", "only with TLS"),
    ("FATAL:  SSL connection is required. Please specify SSL options and retry.", "only with TLS"),
    ("ERROR:  connection is insecure (try using `sslmode=require`)", "only with TLS"),
    (SPEAKS_TLS, "only with TLS"),
    ("SSL error: tlsv1 alert protocol version", "no version of TLS"),
    ("[SSL: UNSUPPORTED_PROTOCOL] unsupported protocol (_ssl.c:1006)", "no version of TLS"),
    ("SSL error: tlsv13 alert certificate required", "wants a certificate of ours"),
    ("FATAL:  connection requires a valid client certificate", "wants a certificate of ours"),
    ("[SSL: SSLV3_ALERT_HANDSHAKE_FAILURE] sslv3 alert handshake failure (_ssl.c:1006)", "wants a certificate of ours"),
    ('root certificate file "/ca.crt" does not exist\nEither provide the file, …', "missing or cannot be read"),
    ('could not read root certificate file "/ca.crt": no certificate or crl found', "missing or cannot be read"),
    ("[X509: NO_CERTIFICATE_OR_CRL_FOUND] no certificate or crl found (_ssl.c:4154).", "missing or cannot be read"),
]


@pytest.mark.parametrize(("text", "told"), TEXTS)
def test_every_cause_is_told_with_what_to_write(text: str, told: str) -> None:
    trouble = tls_trouble(psycopg.OperationalError(f'connection to server at "db.test", port 5432 failed: {text}'))
    assert trouble is not None
    cause, _, mend = trouble.rpartition(": ")
    assert told in cause
    assert mend


@pytest.mark.parametrize(
    "text",
    [
        "Connection refused",
        'FATAL:  password authentication failed for user "certificate"',
        'FATAL:  no pg_hba.conf entry for host "10.0.0.9", user "u", database "d", SSL encryption',
        "SSL SYSCALL error: Connection reset by peer",
        "",
    ],
)
def test_other_troubles_are_none_of_tls(text: str) -> None:
    assert tls_trouble(psycopg.OperationalError(text)) is None


def of_kafka() -> Exception:
    error: Exception = KafkaConnectionError("Unable to bootstrap from [('broker', 9093, 0)]")
    error.__cause__ = ssl.SSLCertVerificationError(1, "certificate verify failed: self-signed certificate")
    return error


@pytest.mark.parametrize(
    ("error", "setting"),
    [
        (psycopg.OperationalError('root certificate file "/x" does not exist'), "sslrootcert=/path/ca.crt"),
        (redis.ConnectionError("self-signed certificate"), "?ssl_ca_certs=/path/ca.crt"),
        (of_kafka(), "KAFKA_SSL_CAFILE"),
        (ssl.SSLError(1, "self-signed certificate"), "GRAPH_CA_FILE"),
    ],
)
def test_what_to_write_is_what_that_server_is_given_by(error: Exception, setting: str) -> None:
    assert setting in str(tls_trouble(error))


@given(st.text(), st.sampled_from([text for text, _ in TEXTS]), st.text())
def test_nothing_of_an_error_is_passed_on(before: str, text: str, behind: str) -> None:
    for error in (HandshakeError(before + behind), HandshakeError(f"{before} {text} {behind}")):
        trouble = tls_trouble(error)
        assert trouble is None or trouble in {tls_trouble(HandshakeError(known)) for known, _ in TEXTS}


def test_an_outage_is_logged_with_its_cause() -> None:
    with capture_logs() as logs:
        Outage("kafka").failed(of_kafka(), 0)
        Outage("redis").failed(redis.ConnectionError("Connection refused"), 0)
    assert "KAFKA_SSL_CAFILE" in logs[0]["cause"]
    assert "cause" not in logs[1]
