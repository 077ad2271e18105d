"""The place of a dead letter as people copy it."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.mending.dead_letters import Place

_NAME = st.text(st.characters(codec="utf-8", exclude_characters="/\0"), min_size=1, max_size=20)


@given(st.text(min_size=1).filter(lambda t: "\0" not in t), _NAME, _NAME | st.just(""), st.integers(0, 2**31 - 1))
def test_a_place_is_read_as_it_is_shown(cluster_id: str, topic: str, topic_id: str, partition: int) -> None:
    place = Place(cluster_id, topic, topic_id, partition, 10**17)
    assert Place.read(str(place)) == place


@given(st.text(max_size=60))
def test_anything_else_is_told_apart(text: str) -> None:
    with suppress(ValueError):
        assert str(Place.read(text)) == text or "/0" in text  # leading zeros


@pytest.mark.parametrize(
    "text", ["", "3/17", "/t//3/17", "c///3/17", "c/t//3/", "c/t//-1/5", "c/t//2147483648/5", "c/t//٣/5", "c/t//3/1e3"]
)
def test_what_is_no_place_says_so(text: str) -> None:
    with pytest.raises(ValueError, match="is no place"):
        Place.read(text)
