"""What people are told when a broker answers and refuses."""

from __future__ import annotations

import pytest
from aiokafka import errors
from structlog.testing import capture_logs

from schema.runtime import kafka_refusals
from schema.runtime.kafka_refusals import kafka_refusal
from schema.runtime.outage import Outage


def unable(cause: Exception) -> Exception:
    """As aiokafka says it, with what we learned of it."""
    error: Exception = errors.KafkaConnectionError("Unable to bootstrap")
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (unable(errors.SaslAuthenticationFailed("secret")), "the user or the password is wrong"),
        (unable(errors.UnsupportedSaslMechanismError("secret")), "KAFKA_SASL_MECHANISM"),
        (unable(errors.IllegalSaslStateError()), "KAFKA_SECURITY_PROTOCOL"),
        (errors.TopicAuthorizationFailedError("secret"), "--operation Write --topic"),
        (errors.GroupAuthorizationFailedError("secret"), "--operation Read --group newar.ingest."),
        (errors.ClusterAuthorizationFailedError("secret"), "IdempotentWrite"),
        (errors.NotEnoughReplicasError(), "min.insync.replicas"),
        (errors.MessageSizeTooLargeError(), "max.message.bytes"),
        (errors.InvalidSessionTimeoutError(), "group.min.session.timeout.ms"),
        (errors.InvalidReplicationFactorError(), "default.replication.factor"),
    ],
)
def test_refusal_says_what_to_write(error: Exception, said: str) -> None:
    with capture_logs() as lines:
        Outage("kafka").failed(error, 0.0)
    [line] = lines
    assert (line["event"], said in line["reason"]) == ("part_refuses", True)
    assert "secret" not in str(line)


@pytest.mark.parametrize(
    "error", [errors.KafkaConnectionError("away"), errors.RequestTimedOutError(), OSError("SaslAuthenticationFailed")]
)
def test_broker_that_is_away_refuses_nothing(error: Exception) -> None:
    assert kafka_refusal(error) is None


def test_every_name_is_one_of_aiokafkas() -> None:
    assert [name for name in kafka_refusals._REFUSALS if not hasattr(errors, name)] == []
