"""What readers are told of an error."""

from __future__ import annotations

import pytest

from ops.shell.detail import telling


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("Error 111 connecting to 10.0.0.1:6379. Connection refused.", "OSError (connection refused)"),
        ('FATAL: password authentication failed for user "u"', "OSError (password authentication failed)"),
        ("FATAL: (ENOTFOUND) Tenant or user not found", "OSError (tenant or user not found)"),
        (
            "transaction blocks not allowed in statement pooling mode",
            "OSError (transaction blocks not allowed in statement pooling mode)",
        ),
        ("invalid dsn postgresql://user:secret@host/db", "OSError"),
    ],
)
def test_only_well_known_words_are_passed_on(text: str, told: str) -> None:
    assert telling(OSError(text)) == told
