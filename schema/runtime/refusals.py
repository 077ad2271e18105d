"""What it means that an outside part answers and refuses us, whichever part it is. Pure."""

from __future__ import annotations

from schema.runtime.database_refusals import database_refusal
from schema.runtime.kafka_refusals import kafka_refusal
from schema.runtime.redis_refusals import refusal


def refusal_of(error: BaseException) -> str | None:
    """Return why it refuses and what to do, to be read behind its name; None: it is away, or nobody can tell."""
    return refusal(error) or database_refusal(error) or kafka_refusal(error)
