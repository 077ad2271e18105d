"""When a run was outside its hours follows from what they were, and when they changed."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from ops.board.audit.audit_trail import Act
from ops.board.timeline.closed_hours import closed_hours


def day(text: str) -> datetime:
    return datetime.strptime(f"2026-11-{text}", "%Y-%m-%d %H:%M").replace(tzinfo=UTC)


def hours(at: str, detail: str) -> Act:
    return Act(
        at=day(at),
        who="source",
        what="run hours",
        target="r",
        detail=detail,
        stream_id="h",
        waiting=False,
        by_person=False,
    )


def told(changes: list[Act], ended: str | None, now: str) -> list[tuple[str, str | None, bool | None]]:
    found = closed_hours(changes, day(ended) if ended else None, day(now))
    return [(f"{e.at:%d %H:%M}", f"{e.until:%d %H:%M}" if e.until else None, e.now) for e in found if e.at]


OFFICE = hours("20 12:00", "09:00-21:00 in America/Sao_Paulo")  # 12:00 to 24:00 UTC


@pytest.mark.parametrize(
    ("changes", "ended", "now", "closed"),
    [
        ([OFFICE], None, "20 13:00", []),
        ([OFFICE], None, "21 13:00", [("21 00:00", "21 12:00", False)]),
        ([OFFICE], None, "21 01:00", [("21 00:00", "21 12:00", True)]),
        ([OFFICE], "21 03:00", "23 00:00", [("21 00:00", "21 03:00", False)]),
        ([OFFICE, hours("21 02:00", "00:00-24:00 in UTC")], None, "22 00:00", [("21 00:00", "21 02:00", False)]),
        ([OFFICE, hours("21 02:00", "")], None, "22 00:00", [("21 00:00", "21 02:00", False)]),
        ([hours("20 12:00", "nonsense in UTC")], None, "21 00:00", [("20 12:00", None, True)]),
        ([hours("20 12:00", "09:00-21:00 in Nowhere")], "20 15:00", "21 00:00", [("20 12:00", "20 15:00", False)]),
        ([hours("20 12:00", "")], None, "21 00:00", []),
        ([], None, "21 00:00", []),
    ],
)
def test_hours_become_the_stretches_between_them(
    changes: list[Act], ended: str | None, now: str, closed: list[tuple[str, str | None, bool]]
) -> None:
    assert told(changes, ended, now) == closed


def test_of_a_run_of_years_only_the_last_months_are_told() -> None:
    found = closed_hours([hours("20 12:00", "09:00-21:00 in UTC")], None, datetime(2029, 1, 1, tzinfo=UTC))
    assert 59 <= len(found) <= 62
