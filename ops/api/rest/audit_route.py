"""`GET /api/v1/audit`: what people did, in pages of JSON, or as one table for a spreadsheet."""

from __future__ import annotations

import csv
import io
from collections.abc import AsyncIterator

import msgspec
from quart import Response, request

from ops.api.door.streamed_body import StreamedBody
from ops.api.door.who_asks import caller
from ops.board.audit.audit_question import MOST, AuditQuestion, audit_question
from ops.board.audit.audit_trail import Act, AuditAnswer, AuditTrail
from ops.board.board import Board
from ops.shell.output import printable
from sender.runs.by_hand.files.failures_file import plain_cell

MOST_EXPORTED = 100_000
COLUMNS = ("at", "who", "what", "target", "detail")


async def read_audit(board: Board, limit: int, **filters: str | None) -> AuditAnswer | Response:
    """Return a page of the trail, or all of it as a table; whoever may see some pages gets what was done to these.

    Raises:
        BadFilter: naming what cannot be used.
    """
    wanted = filters.pop("format")
    question = msgspec.structs.replace(audit_question(filters), pages=caller().pages)
    if wanted == "csv" or (wanted is None and request.accept_mimetypes.best == "text/csv"):
        headers = {"Content-Disposition": 'attachment; filename="audit.csv"'}
        return Response(StreamedBody(_table(board.trail, question)), content_type="text/csv", headers=headers)
    return await board.trail.read(question, limit)


async def _table(trail: AuditTrail, question: AuditQuestion) -> AsyncIterator[bytes]:
    """Yield the lines, page after page; what is missing is said in the last one."""
    yield _lines([COLUMNS])
    count = 0
    while True:
        answer = await trail.read(question, MOST)
        yield _lines(map(_cells, answer.acts))
        count += len(answer.acts)
        if answer.missing:
            yield _lines([("", "", f"not complete: {'; '.join(answer.missing)}", "", "")])
            return
        if answer.next is None:
            return
        if count >= MOST_EXPORTED:
            yield _lines([("", "", f"more follow: these are {count}; give until, or after={answer.next}", "", "")])
            return
        question = msgspec.structs.replace(question, after=audit_question({"after": answer.next}).after)


def _cells(act: Act) -> tuple[str, ...]:
    return (act.at.isoformat(), *(plain_cell(printable(text)) for text in (act.who, act.what, act.target, act.detail)))


def _lines(rows: object) -> bytes:
    text = io.StringIO(newline="")
    csv.writer(text).writerows(rows)  # type: ignore[arg-type]
    return text.getvalue().encode()
