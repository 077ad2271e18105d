"""What tells one life of the topic from another, and how much of it is missing."""

from __future__ import annotations

import pytest

from ingest.reading.lives import begun_again, missing, of_former_life

Firsts = dict[int, tuple[int, int]]


@pytest.mark.parametrize(
    ("passed", "firsts", "former"),
    [
        ({0: (10, 1000)}, {0: (0, 1001)}, {0}),
        ({0: (10, 1000)}, {0: (0, 1000)}, set()),
        ({0: (10, 1000)}, {0: (9, 1001)}, {0}),
        ({0: (10, 1000)}, {0: (10, 1001)}, set()),  # the next one
        ({0: (10, 1000)}, {0: (50, 1001)}, set()),  # retention went past us
        ({0: (0, 1000)}, {0: (0, 1001)}, set()),  # nothing was read
        ({0: (10, 1000)}, {}, set()),
        ({0: (10, 1000), 1: (10, 1000)}, {0: (0, 5), 1: (0, 2000)}, {1}),
    ],
)
def test_what_we_passed_cannot_be_newer(passed: Firsts, firsts: Firsts, former: set[int]) -> None:
    assert of_former_life(passed, firsts) == former


@pytest.mark.parametrize(
    ("before", "now", "again"),
    [
        ({0: (0, 1000)}, {0: (0, 1000)}, set()),
        ({0: (0, 1000)}, {0: (0, 2000)}, {0}),
        ({0: (5, 1000)}, {0: (0, 2000)}, {0}),
        ({0: (5, 1000)}, {0: (9, 2000)}, set()),
        ({0: (5, 1000)}, {}, set()),
        ({}, {0: (0, 1000)}, set()),
    ],
)
def test_only_retention_moves_a_beginning(before: Firsts, now: Firsts, again: set[int]) -> None:
    assert begun_again(before, now) == again


@pytest.mark.parametrize(
    ("nexts", "ends", "events"),
    [
        ({0: 10, 1: 5}, {0: 10, 1: 8, 2: 99}, 3),
        ({0: 10}, {0: 9}, 0),
        ({0: 10, 1: 5}, {0: 10}, None),
        ({}, {0: 10}, None),
    ],
)
def test_missing_is_what_is_known_to_have_been_there(
    nexts: dict[int, int], ends: dict[int, int], events: int | None
) -> None:
    assert missing(nexts, ends) == events
