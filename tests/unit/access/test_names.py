"""What users may be called, and what they may."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ops.access.caller import Role
from ops.access.names import BadName, checked_name, checked_pages, known, may


@pytest.mark.parametrize("name", ["a", "maria", "m.silva+ops@example.com", "A-b_9", "x" * 64])
def test_names_of_people_and_mail_addresses_can_be_used(name: str) -> None:
    assert checked_name(name) == name


@given(st.text())
def test_any_other_name_is_refused_and_no_name_can_break_a_line(name: str) -> None:
    with suppress(BadName):
        assert checked_name(name).isascii()
        assert name.isprintable()
        assert " " not in name


def test_pages_come_in_order_and_none_means_all() -> None:
    assert checked_pages(["7", "5", "7"]) == ["5", "7"]
    assert checked_pages([]) is None
    assert checked_pages(None) is None
    with pytest.raises(BadName, match="leave them out"):
        checked_pages(map(str, range(10_001)))


def test_a_row_without_pages_sees_all_and_one_with_none_of_them_sees_nothing() -> None:
    assert known("a", "operator", None).pages is None
    assert known("a", "operator", []).pages == frozenset()
    assert may(Role.VIEWER, ["1"]) == "viewer, pages 1"
    assert may(Role.ADMIN, map(str, range(12))).endswith("9 and 2 more")
