"""What a broker means when it answers and refuses us, and what to do about it. Pure: knows errors by name."""

from __future__ import annotations

from collections.abc import Iterator

_ACLS = "kafka-acls --add --allow-principal User:NAME --operation"
_LOGIN = (
    "the user or the password is wrong: write KAFKA_SASL_USERNAME and KAFKA_SASL_PASSWORD again; a user of SCRAM is "
    "made for one mechanism (kafka-configs --alter --entity-type users), see that it is KAFKA_SASL_MECHANISM"
)
_MECHANISM = "it does not know this way to log in: set KAFKA_SASL_MECHANISM to one of its sasl.enabled.mechanisms"
_NO_LOGIN = (
    "it wants another kind of connection on this port: write the port that KAFKA_SECURITY_PROTOCOL belongs to, or the "
    "other protocol (with a login SASL_PLAINTEXT or SASL_SSL, without PLAINTEXT or SSL)"
)
_TOO_LARGE = "it takes no message as large as ours: set max.message.bytes of the topic to 1048588 or more"
_TOO_FEW = (
    "too few copies of a partition are in sync for acks=all: start the brokers that are missing, or set "
    "min.insync.replicas of the topic below the number of its replicas"
)
_REFUSALS = {
    "SaslAuthenticationFailed": _LOGIN,
    "AuthenticationFailedError": _LOGIN,
    "UnsupportedSaslMechanismError": _MECHANISM,
    "IllegalSaslStateError": _NO_LOGIN,
    "AuthenticationMethodNotSupported": _NO_LOGIN,
    "TopicAuthorizationFailedError": "this login lacks a right to the topic: let an administrator run "
    f"{_ACLS} Describe --operation Read --operation Write --topic KAFKA_TOPIC; Create too, if we are to make it",
    "GroupAuthorizationFailedError": "this login may not use the consumer group: let an administrator run "
    f"{_ACLS} Read --group newar.ingest. --resource-pattern-type prefixed",
    "ClusterAuthorizationFailedError": "this login lacks a right to the cluster: let an administrator run "
    f"{_ACLS} IdempotentWrite --cluster; or make the topic for us",
    "MessageSizeTooLargeError": _TOO_LARGE,
    "RecordListTooLargeError": _TOO_LARGE,
    "NotEnoughReplicasError": _TOO_FEW,
    "NotEnoughReplicasAfterAppendError": _TOO_FEW,
    "InvalidSessionTimeoutError": "it does not allow our session timeout of 6 s: set group.min.session.timeout.ms to "
    "6000 or less, and group.max.session.timeout.ms to more",
    "PolicyViolationError": "its policy forbids to make the topic: let an administrator make it, with 12 partitions",
    "InvalidReplicationFactorError": "it has fewer brokers than default.replication.factor asks for: start them, lower "
    "it, or make the topic yourself with 12 partitions",
    "IncompatibleBrokerVersion": "it is too old for us: use Kafka 2.1 or newer",
}
_CHAIN = 4


def kafka_refusal(error: BaseException) -> str | None:
    """Return why the broker refuses us and what to write, to be read behind its name; None for all other errors."""
    for cause in _chain(error):
        if type(cause).__module__.partition(".")[0] == "aiokafka":
            for kind in type(cause).__mro__:
                if words := _REFUSALS.get(kind.__name__):
                    return words
    return None


def _chain(error: BaseException) -> Iterator[BaseException]:
    seen: BaseException | None = error
    for _ in range(_CHAIN):
        if seen is None:
            return
        yield seen
        seen = seen.__cause__
