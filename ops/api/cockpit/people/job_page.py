"""One message of one run to one person: as it would go now, its attempts, who has it, and its next retry."""

from __future__ import annotations

import msgspec
from quart import Response
from quart_trio import QuartTrio

from ops.api.cockpit.frame.places import ADMIN
from ops.api.cockpit.frame.rendering import page
from ops.api.cockpit.pages.page_words import PLACES
from ops.api.door.who_asks import caller
from ops.api.parts import Parts


def add_job(app: QuartTrio, parts: Parts) -> None:
    """Serve it."""

    @app.get(f"{ADMIN}/jobs/<path:run_id>/<psid>")
    async def job_page(run_id: str, psid: str) -> Response:
        job = await parts.board.jobs.job(run_id, psid, caller().pages)
        payload = None if job.payload is None else msgspec.json.format(msgspec.json.encode(job.payload)).decode()
        lines = payload.split("\n") if payload else []
        return await page("job.html", at_place="runs", is_live=False, job=job, payload=lines, places_of_jobs=PLACES)
