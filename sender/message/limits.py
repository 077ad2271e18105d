"""What Meta would refuse anyway: texts that are too long."""

from __future__ import annotations

from typing import Any

from schema.outcomes import ErrorClass, Outcome
from sender.message.errors import NotSendable

MAX_TEXT = 2000
"""Characters of `message.text` (platform facts 1.4)."""
MAX_METADATA = 1000
"""Characters of `message.metadata` (platform facts 1.4)."""
MAX_OWN_METADATA = MAX_METADATA - 50
"""What is left for a run's own metadata behind `j=<32 hex digits>;a=<attempt>;`."""


def check_limits(filled: dict[str, Any]) -> None:
    """Check the lengths of a filled message.

    Raises:
        NotSendable: `text_too_long`, or `bad_payload` for the run's own metadata.
    """
    text = filled.get("text")
    if isinstance(text, str) and len(text) > MAX_TEXT:
        reason = f"the text has {len(text)} characters, {MAX_TEXT} are allowed"
        raise NotSendable(ErrorClass.TEXT_TOO_LONG, Outcome.FAILED, reason)
    if len(filled.get("metadata", "")) > MAX_OWN_METADATA:
        reason = f"the metadata has over {MAX_OWN_METADATA} characters"
        raise NotSendable(ErrorClass.BAD_PAYLOAD, Outcome.FAILED, reason)
