"""`newar log show`: rows of the message log, by what an index answers."""

from __future__ import annotations

from functools import partial
from typing import Annotated

import trio
import typer

from ops.board.log_query import query
from ops.message_log.log_rows import LogAnswer, LogRow, read_rows
from ops.message_log.question import MOST, USUAL, BadQuestion, question
from ops.settings.checked import load_checked
from ops.shell.output import AsJson, print_json, print_table
from ops.shell.service import run_once
from ops.shell.times import since as since_when
from schema.outcomes import ErrorClass, Outcome
from schema.runtime.settings import LogDatabaseSettings

ANSWER_WITHIN_S = 60.0
_COLUMNS = ["SENT AT", "RUN", "PAGE", "RECIPIENT", "TRY", "OUTCOME", "CLASS", "CODE", "MESSAGE OR ERROR"]


def show_log(
    recipient: Annotated[str | None, typer.Option(metavar="ID", help="Only this person's rows.")] = None,
    run: Annotated[str | None, typer.Option(metavar="ID", help="Only those of this run.")] = None,
    page: Annotated[str | None, typer.Option(metavar="ID", help="Only those of this page.")] = None,
    message: Annotated[str | None, typer.Option(metavar="ID", help="The row of this message id of Meta.")] = None,
    failures: Annotated[bool, typer.Option("--failures", help="Only who was not reached, or perhaps not.")] = False,
    outcome: Annotated[Outcome | None, typer.Option(help="Only those that ended so.")] = None,
    error_class: Annotated[
        ErrorClass | None, typer.Option("--class", metavar="CLASS", help="Only those with this reason.")
    ] = None,
    code: Annotated[int | None, typer.Option(min=0, metavar="N", help="Only those with this error of Meta.")] = None,
    since: Annotated[
        str | None, typer.Option("--from", metavar="TIME|MOMENT", help="Such as 2h, 3d or 2026-11-22T09:30:00Z.")
    ] = None,
    until: Annotated[str | None, typer.Option("--to", metavar="TIME|MOMENT", help="Only rows before this.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=MOST, help="How many at most.")] = USUAL,
    after: Annotated[
        str | None, typer.Option(metavar="PLACE", help="Where a former list ended, as it says in its last line.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Show rows of the message log, one for each attempt, newest first.

    Asked is by recipient (and page or run), by message, by run (and outcome, class or code), by page, or for failures:
    of a run (and class), of a page or of all (and code); and with each of them by time. What no index answers is
    refused.
    """
    url = load_checked(LogDatabaseSettings).log_database_url.get_secret_value()
    filters = {
        "recipient": recipient,
        "run": run,
        "page": page,
        "message": message,
        "failures": "1" if failures else None,
        "outcome": outcome,
        "class": error_class,
        "code": None if code is None else str(code),
        "from": since and since_when(since).isoformat(),
        "to": until and since_when(until).isoformat(),
        "after": after,
    }
    try:
        asked = question(filters)
    except BadQuestion as exc:
        raise typer.BadParameter(str(exc).replace("`next` of a former answer", "last line of a former list")) from None

    async def read() -> LogAnswer:
        with trio.fail_after(ANSWER_WITHIN_S):
            return await read_rows(partial(query, url), asked, limit)

    found = run_once(read)
    if as_json:
        print_json(found)
        return
    print_table(_COLUMNS, map(_cells, found.rows))
    if found.next:
        typer.echo(f"More follow: --after {found.next}")


def _cells(row: LogRow) -> tuple[object, ...]:
    told = row.message_id or row.error_message
    code = "/".join(str(part) for part in (row.error_code, row.error_subcode) if part is not None)
    who = (row.run_id, row.page_id, row.recipient_id, row.attempt)
    return row.sent_at, *who, row.outcome, row.error_class, code, told
