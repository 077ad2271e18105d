"""What viewers of one feed get: the newest of each event, once; and how it is written."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ops.api.door.event_feeds import Feed, frame


def test_a_viewer_gets_what_changed_since_it_looked_and_only_the_newest() -> None:
    feed = Feed()
    feed.publish({"a": "1", "b": "1"})
    number, frames = feed.since(0)
    assert frames == frame("a", "1") + frame("b", "1")
    feed.publish({"a": "1", "b": "2"})
    feed.publish({"a": "1", "b": "3"})
    number, frames = feed.since(number)
    assert frames == frame("b", "3")
    assert feed.since(number)[1] == b""


def test_what_came_back_is_news() -> None:
    feed = Feed()
    feed.publish({"a": "1"})
    number, _ = feed.since(0)
    feed.publish({})
    feed.publish({"a": "1"})
    assert feed.since(number)[1] == frame("a", "1")


def test_a_feed_keeps_nothing_of_what_is_gone() -> None:
    feed = Feed()
    for n in range(1000):
        feed.publish({f"run-{n}": "x"})
    assert feed.since(0)[1] == frame("run-999", "x")


@given(st.text())
def test_no_data_can_end_its_event_or_begin_another(data: str) -> None:
    lines = frame("e", data).decode().split("\n")
    assert lines[0] == "event: e"
    assert lines[-2:] == ["", ""]
    assert all(line.startswith("data: ") and "\r" not in line for line in lines[1:-2])
    said = "\n".join(line.removeprefix("data: ") for line in lines[1:-2])
    assert said == re.sub("\r\n|\r", "\n", data)


@pytest.mark.parametrize("name", ["a\nb", "a\rdata: b", "\0"])
def test_a_name_of_several_lines_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="one line"):
        frame(name, "")
