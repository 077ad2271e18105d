"""A run's message as three people would see it."""

from __future__ import annotations

from quart import Response
from quart_trio import QuartTrio

from ops.api.cockpit.frame.places import run_route
from ops.api.cockpit.frame.rendering import page
from ops.api.cockpit.frame.writing import why
from ops.api.door.who_asks import caller
from ops.api.parts import Parts
from ops.board.board import NotFound
from ops.board.dry_run import NoSuchRun
from ops.board.message_samples import message_samples
from sender.runs.databases.errors import RunsError


def add_message(app: QuartTrio, parts: Parts) -> None:
    """Serve it; the run's own page takes its living part in."""

    @app.get(run_route("message"))
    async def message_page(run_id: str) -> Response:
        await parts.board.run(run_id, pages=caller().pages)
        found, problem = None, ""
        try:
            if parts.settings.log_database_url is None:
                raise NotFound(
                    "LOG_DATABASE_URL is not set for this service: messages are read through the log database"
                )
            found = await message_samples(parts.settings, run_id)
        except (NotFound, NoSuchRun, RunsError) as exc:
            problem = why(exc)
        return await page("message.html", at_place="runs", run_id=run_id, found=found, problem=problem)
