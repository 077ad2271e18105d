"""Which offsets are believed: none twice, none left out, holes only after a second look."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from hypothesis import given
from hypothesis import strategies as st

from ingest.reading.positions import Accepted, Positions


@dataclass(frozen=True)
class Message:
    offset: int


def messages(*offsets: int) -> list[Message]:
    return [Message(offset) for offset in offsets]


def offsets(accepted: Accepted[Message]) -> list[int]:
    return [m.offset for m in accepted.messages]


def test_what_follows_directly_is_accepted() -> None:
    positions = Positions({0: 5})
    assert offsets(positions.accept(0, messages(5, 6, 7))) == [5, 6, 7]
    assert positions.next == {0: 8}


def test_what_was_accepted_before_is_left_out() -> None:
    positions = Positions({0: 7})
    assert offsets(positions.accept(0, messages(5, 6, 7, 8))) == [7, 8]
    assert offsets(positions.accept(0, messages(5, 6))) == []
    assert positions.next == {0: 9}


def test_a_hole_is_read_again_before_it_is_believed() -> None:
    positions = Positions({0: 5})
    first = positions.accept(0, messages(5, 6, 9, 10))
    assert (offsets(first), first.seek_to, first.gap) == ([5, 6], 7, None)
    second = positions.accept(0, messages(9, 10))
    assert (offsets(second), second.seek_to, second.gap) == ([9, 10], None, (7, 9))
    assert positions.next == {0: 11}


def test_a_hole_that_the_second_read_fills_loses_nothing() -> None:
    positions = Positions({0: 5})
    assert positions.accept(0, messages(8)).seek_to == 5
    assert offsets(positions.accept(0, messages(5, 6, 7, 8))) == [5, 6, 7, 8]


def test_a_hole_that_changes_is_not_believed_yet() -> None:
    positions = Positions({0: 5})
    assert positions.accept(0, messages(8)).seek_to == 5
    assert positions.accept(0, messages(9)).seek_to == 5
    assert positions.accept(0, messages(9)).gap == (5, 9)


def test_every_hole_gets_its_own_second_look() -> None:
    positions = Positions({0: 0})
    assert positions.accept(0, messages(1, 3)).seek_to == 0
    again = positions.accept(0, messages(1, 3))
    assert (offsets(again), again.seek_to, again.gap) == ([1], 2, (0, 1))


def test_partitions_do_not_mix() -> None:
    positions = Positions({0: 0, 1: 0})
    assert positions.accept(0, messages(2)).seek_to == 0
    assert offsets(positions.accept(1, messages(0))) == [0]


def test_how_far_behind_and_how_far_beyond_the_end() -> None:
    positions = Positions({0: 4, 1: 10})
    assert positions.behind({0: 9, 1: 7, 2: 100}) == 5
    assert positions.beyond({0: 9, 1: 7, 2: 0}) == {1: (10, 7)}


@given(st.sets(st.integers(0, 60)), st.lists(st.tuples(st.booleans(), st.integers(1, 7)), max_size=40))
def test_whatever_a_read_skips_every_message_is_accepted_once_in_order(
    existing: set[int], reads: list[tuple[bool, int]]
) -> None:
    """A broker that, live, skips one message now and then; a read again from the same offset finds it."""
    log, positions, taken = sorted(existing | set(range(30))), Positions({0: 0}), []
    place, skipped_at = 0, set[int]()
    for skip, count in [*reads, *[(False, 61)] * 61]:
        found: Sequence[int] = [o for o in log if o >= place][:count]
        if found and skip and found[0] not in skipped_at:
            skipped_at.add(found[0])
            found = found[1:]
        if found:
            accepted = positions.accept(0, messages(*found))
            taken += offsets(accepted)
            place = found[-1] + 1 if accepted.seek_to is None else accepted.seek_to
    assert taken == log
