"""The cockpit's pages."""

from __future__ import annotations

from quart import redirect, render_template
from quart_trio import QuartTrio
from werkzeug.wrappers import Response as WerkzeugResponse

from ops.api.parts import Parts
from schema.outcomes import FINAL_OUTCOMES

DASHBOARD = "/admin/queues"
CHECK_TITLES = {
    "redis": "Redis",
    "kafka": "Log topic",
    "log_database": "Log database",
    "source_database": "Source database",
    "senders": "Senders",
    "ingest": "Ingest",
    "sending": "Sending",
}


def add_cockpit(app: QuartTrio, parts: Parts) -> None:
    """Serve the pages."""

    @app.get(DASHBOARD)
    async def dashboard() -> str:
        outcomes = [outcome.value for outcome in FINAL_OUTCOMES]
        return await render_template("dashboard.html", outcomes=outcomes, checks=CHECK_TITLES)

    @app.get("/")
    async def home() -> WerkzeugResponse:
        return redirect(DASHBOARD)
