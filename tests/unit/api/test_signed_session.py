"""Sessions that need no database."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from ops.api.door.signed_session import PREFIX, begun, read, written


def test_a_session_is_read_with_its_token_alone() -> None:
    session = begun("ADMIN_TOKEN", 1000.5)
    cookie = written(session, b"token")
    assert read(cookie, b"token") == session
    assert read(cookie, b"another") is None
    assert begun("ADMIN_TOKEN", 1000.5).session_id != session.session_id


def test_a_session_is_over_when_nobody_used_it_or_at_its_time() -> None:
    session = begun("VIEWER_TOKEN", 1000)
    assert not session.over(1060, idle_s=60, longest_s=100)
    assert session.over(1061, idle_s=60, longest_s=100)
    assert session.over(1101, idle_s=1000, longest_s=100)


@given(st.text(max_size=200))
def test_whatever_else_a_cookie_holds_is_no_session(text: str) -> None:
    assert read(text, b"token") is None
    assert read(PREFIX + text, b"token") is None
