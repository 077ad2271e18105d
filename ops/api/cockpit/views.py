"""The cockpit's pages, each from a file of its own."""

from __future__ import annotations

from quart_trio import QuartTrio

from ops.api.cockpit.app_steering import add_app_steering
from ops.api.cockpit.audit_page import add_audit
from ops.api.cockpit.frame.acting import add_notices
from ops.api.cockpit.frame.live import add_streams
from ops.api.cockpit.frame.rendering import add_rendering
from ops.api.cockpit.frame.static_files import serve_assets
from ops.api.cockpit.log_mending import add_log_mending
from ops.api.cockpit.log_page import add_log
from ops.api.cockpit.overview_page import add_overview
from ops.api.cockpit.pages.one_page import add_page
from ops.api.cockpit.pages.page_steering import add_page_steering
from ops.api.cockpit.pages.page_words import PAGE_LOOKS
from ops.api.cockpit.pages.pages_page import add_pages
from ops.api.cockpit.people.job_page import add_job
from ops.api.cockpit.people.person_page import add_person
from ops.api.cockpit.runs.message_page import add_message
from ops.api.cockpit.runs.run_export import add_run_export
from ops.api.cockpit.runs.run_mending import add_run_mending
from ops.api.cockpit.runs.run_page import add_run
from ops.api.cockpit.runs.run_steering import add_run_steering
from ops.api.cockpit.runs.run_testing import add_run_testing
from ops.api.cockpit.runs.runs_page import add_runs
from ops.api.cockpit.runs.submit_page import add_submit
from ops.api.cockpit.search_box import add_search_box
from ops.api.cockpit.suppressions_page import add_suppressions
from ops.api.cockpit.users_page import add_users
from ops.api.parts import Parts


def add_cockpit(app: QuartTrio, parts: Parts) -> None:
    """Serve the pages."""
    serve_assets(app)
    add_rendering(app)
    add_notices(app, parts)
    add_streams(app, parts)
    app.jinja_env.globals["page_looks"] = PAGE_LOOKS
    add_overview(app, parts)
    add_runs(app, parts)
    add_run(app, parts)
    add_submit(app, parts)
    add_run_export(app, parts)
    add_run_steering(app, parts)
    add_run_mending(app, parts)
    add_run_testing(app, parts)
    add_app_steering(app, parts)
    add_log_mending(app, parts)
    add_message(app, parts)
    add_pages(app, parts)
    add_page(app, parts)
    add_page_steering(app, parts)
    add_person(app, parts)
    add_job(app, parts)
    add_log(app, parts)
    add_suppressions(app, parts)
    add_audit(app, parts)
    add_users(app, parts)
    add_search_box(app, parts)
