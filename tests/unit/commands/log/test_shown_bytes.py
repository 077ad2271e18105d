"""What is shown of bytes from anywhere never reaches a terminal as a command."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ops.commands.log.shown_bytes import escaped, shown


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        (b'{"a": 1}', '{"a": 1}'),
        (b"two\nlines", "two\nlines"),
        ("Grüße 👋".encode(), "Grüße 👋"),
        (b"\x1b[31mred\x1b]0;title\x07", r"\u001b[31mred\u001b]0;title\u0007"),
        ("\x9b5m\x7f\u202e".encode(), r"\u009b5m\u007f\u202e"),
        ("\U000e0041".encode(), r"\udb40\udc41"),
        (b"carriage\rreturn\ttab\0", r"carriage\u000dreturn\u0009tab\u0000"),
        (b"", ""),
        (b"\xff\x1b", "00000000  ff 1b                                            .."),
    ],
)
def test_text_stays_readable_and_the_rest_is_escaped_or_hex(raw: bytes, text: str) -> None:
    assert shown(raw) == text


def test_a_character_that_was_cut_does_not_make_text_hex() -> None:
    text = "ééé👋".encode()
    for end in range(1, len(text)):
        assert "00000000" not in shown(text[:end], cut=True)
    assert shown(text[:3]).startswith("00000000")


@given(st.binary(max_size=200))
def test_nothing_but_printable_characters_and_line_ends_comes_out(raw: bytes) -> None:
    for cut in (False, True):
        assert all(c.isprintable() or c == "\n" for c in shown(raw, cut=cut))


@given(st.text())
def test_escaped_json_says_the_same(text: str) -> None:
    line = escaped(json.dumps(text, ensure_ascii=False))
    assert json.loads(line) == text
    assert line.isprintable()
