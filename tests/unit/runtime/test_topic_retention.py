"""When a topic has forgotten a message, by its settings."""

from __future__ import annotations

from datetime import timedelta

import pytest

from schema.runtime.topic_retention import forgets_after

DAY = str(86_400_000)


@pytest.mark.parametrize(
    ("retention_ms", "segment_ms", "policy", "after"),
    [
        (DAY, DAY, "delete", timedelta(days=3)),
        (DAY, DAY, "compact,delete", timedelta(days=3)),
        ("0", "0", None, timedelta(days=1)),
        (DAY, DAY, "compact", None),
        ("-1", DAY, "delete", None),
        (None, DAY, "delete", None),
        (DAY, None, "delete", None),
        (DAY, "soon", "delete", None),
        ("9223372036854775807", DAY, "delete", None),
        ("9" * 5000, DAY, "delete", None),
    ],
)
def test_segment_and_retention_count_and_never_is_none(
    retention_ms: str | None, segment_ms: str | None, policy: str | None, after: timedelta | None
) -> None:
    assert forgets_after(retention_ms, segment_ms, policy) == after
