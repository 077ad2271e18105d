"""What can go wrong with one request, by what the caller may do next; nothing here reads an answer's content."""

from __future__ import annotations

from typing import Literal

Phase = Literal["acquire", "dns", "connect", "proxy", "tls", "write", "read", "parse"]


class TransportError(Exception):
    """A request that brought no usable answer.

    Args:
        phase: how far it came.
        reason: one line for people; never holds a token, a body or a proxy's credentials.
    """

    def __init__(self, phase: Phase, reason: str) -> None:
        super().__init__(f"{phase}: {reason}")
        self.phase: Phase = phase
        self.reason = reason


class NotSent(TransportError):
    """Nothing of the request left this process: a retry cannot duplicate the message."""


class AnswerLost(TransportError):
    """The request may have arrived. There is no idempotency key: never retry, the outcome is unknown."""
