"""What may be said of an error to a reader: well-known words only, since error texts can hold parts of an address."""

from __future__ import annotations

from schema.runtime.refusals import refusal_of
from schema.runtime.tls_trouble import tls_trouble

_KNOWN = (
    "connection refused",
    "connect call failed",
    "connection reset",
    "connection closed",
    "timeout",
    "timed out",
    "name or service not known",
    "failed to resolve host",
    "could not translate host name",
    "no route to host",
    "password authentication failed",
    "invalid username-password pair",
    "authentication required",
    "does not exist",
    "too many connections",
    "too many clients",
    "transaction blocks not allowed in statement pooling mode",
    "unsupported startup parameter",
    "no more connections allowed",
    "max clients reached",
    "tenant or user not found",
    "starting up",
    "shutting down",
    "loading the dataset",
    "certificate verify failed",
    "unknown command",
    "wrongtype",
)


def telling(error: BaseException) -> str:
    """Return the kind of the error, and what it says as far as it is well known; of a refusal what to do.

    Where TLS is why, its cause and what to write.
    """
    if told := refusal_of(error):
        return told
    text = str(error).lower()
    reason = tls_trouble(error) or next((known for known in _KNOWN if known in text), None)
    return f"{type(error).__name__} ({reason})" if reason else type(error).__name__
