"""What tells one life of the topic from another, and how much of it is missing."""

from __future__ import annotations

import pytest
from msgspec.structs import replace
from structlog.testing import capture_logs

from ingest.figures import Figures
from ingest.reading.lives import Lives, begun_again, missing, of_former_life
from schema.topic import Log
from tests.unit.ingest.test_figures import SETTINGS

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


LOG = Log("cluster", "log", "one")


@pytest.mark.parametrize("another", [replace(LOG, cluster_id="another", topic_id="two"), replace(LOG, topic_id="two")])
def test_a_life_that_ended_while_the_broker_was_away_is_told_once(another: Log) -> None:
    figures = Figures(SETTINGS)
    lives = Lives(figures)
    with capture_logs() as lines:
        for now in (LOG, LOG, another, another):
            lives.reads(now)
        lives.begun(another, {LOG.topic_id})
    assert [line["events_missing"] for line in lines] == ["unknown"]
    assert figures.now.topics_made_again == 1


@pytest.mark.parametrize("now", [replace(LOG, topic_id="two"), None])
def test_a_life_whose_end_was_seen_is_not_told_again(now: Log | None) -> None:
    figures = Figures(SETTINGS)
    lives = Lives(figures)
    lives.reads(LOG)
    lives.ended(LOG, now, 7)
    lives.reads(replace(LOG, topic_id="two"))
    assert (figures.now.topics_made_again, figures.now.events_missing) == (1, 7)
