"""`newar runs`, `sender`, `ingest`, `api`: one service each, until SIGTERM or Ctrl-C.

A service's modules are imported by its own command: all of them together take a second, which a health check or
`newar run list` should not wait for.
"""

from __future__ import annotations

import sys

import typer

from ingest.settings import IngestSettings
from ops.api.settings import ApiSettings, guarded, how_to_sign_in
from ops.settings.checked import load_checked
from ops.shell.output import example, is_terminal
from ops.shell.service import run_once, run_service
from schema.runtime.logging import configure_logging
from sender.runs.settings import RunsSettings
from sender.settings import SenderSettings

commands = typer.Typer()


@commands.command(epilog=example("newar runs"))
def runs() -> None:
    """Take runs from the source database and put their messages into the queue, until stopped."""
    from sender.runs.app import serve  # noqa: PLC0415 - see above

    configure_logging("runs")
    settings = load_checked(RunsSettings)
    run_service("runs", lambda stop: serve(settings, stop), settings.drain_timeout_ms / 1000)


@commands.command(epilog=example("WORKER_CONCURRENCY=500 newar sender"))
def sender() -> None:
    """Send what is in the queue through the Graph API, until stopped. Start more for more speed."""
    from sender.app import serve  # noqa: PLC0415 - see above

    configure_logging("sender")
    settings = load_checked(SenderSettings)
    run_service("sender", lambda stop: serve(settings, stop), settings.drain_timeout_ms / 1000)


@commands.command(epilog=example("newar ingest"))
def ingest() -> None:
    """Write the log topic into the log database, until stopped. It also makes and drops the partitions."""
    from ingest.app import serve  # noqa: PLC0415 - see above

    configure_logging("ingest")
    settings = load_checked(IngestSettings)
    run_service("ingest", lambda stop: serve(settings, stop), settings.drain_timeout_ms / 1000)


@commands.command(epilog=example("API_PORT=8080 newar api"))
def api() -> None:
    """Serve health, figures, metrics, the API and the cockpit over HTTP, until stopped."""
    from ops.access.users import anybody  # noqa: PLC0415 - see above
    from ops.api.app import serve  # noqa: PLC0415

    configure_logging("api")
    settings, terminal = load_checked(ApiSettings), is_terminal(sys.stderr)
    users = terminal and run_once(lambda: anybody(settings.log_database_url))
    settings, token = guarded(settings, terminal=terminal, users=users)
    if token is not None:
        typer.echo(f"newar: {how_to_sign_in(token)}", err=True)
    run_service("api", lambda stop: serve(settings, stop), settings.drain_timeout_ms / 1000)
