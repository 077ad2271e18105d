"""One run: how far it is, what holds it, whom it did not reach, and the buttons that steer it."""

from __future__ import annotations

from datetime import UTC, datetime

from quart import Response
from quart_trio import QuartTrio

from ops.api.cockpit.frame.places import ADMIN
from ops.api.cockpit.frame.rendering import page, wants_fragment
from ops.api.cockpit.frame.state_words import status_of
from ops.api.cockpit.runs.run_timeline import word_of
from ops.api.door.who_asks import caller
from ops.api.parts import Parts
from ops.board.runs.run_answers import RunDetail

OVER = frozenset({"finished", "cancelled", "expired", "refused"})
NOT_TAKEN = frozenset({"scheduled", "submitted", "waiting", "not_taken"})
HELD_BY_PEOPLE = frozenset({"operator", "brake"})


def add_run(app: QuartTrio, parts: Parts) -> None:
    """Serve it."""

    @app.get(f"{ADMIN}/runs/<path:run_id>")
    async def run_page(run_id: str) -> Response:
        run = await parts.board.run(run_id, pages=caller().pages)
        of_all = caller().pages is None
        timeline = None if wants_fragment() else await parts.board.timelines.of(run, of_all=of_all)
        return await page(
            "run.html",
            timeline=timeline,
            word_of=word_of,
            at_place="runs",
            is_live=status_of(run) not in OVER,
            run=run,
            status=status_of(run),
            can=possible(run),
            is_taken=run.state not in NOT_TAKEN,
            missed=sum(one.recipients for one in run.not_reached),
            seen_at=datetime.now(UTC),
        )


def possible(run: RunDetail) -> set[str]:
    """Return what can be done to a run as it stands; the act itself says so again."""
    status = status_of(run)
    if status in OVER:
        return {"retry"} if run.not_reached and status != "refused" else set()
    if any(one.cause == "queue_lost" for one in run.waiting_because):
        return {"recover"}
    if status == "draining":
        return set()
    if run.state in NOT_TAKEN and run.source != "submitted":  # its row in the source says what becomes of it
        return {"test"} if status == "scheduled" else set()
    held = HELD_BY_PEOPLE.intersection(run.held_by) or (run.state == "paused" and not run.held_by)
    ends = {"extend"} if run.expires_at else set()
    return {"cancel", "test", "resume" if held else "pause"} | ends
