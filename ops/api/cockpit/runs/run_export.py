"""Whom a run did not reach, as a table that `newar run submit` and the form take again."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from types import TracebackType
from urllib.parse import quote

import trio
from quart import Response
from quart_trio import QuartTrio

from ops.api.cockpit.frame.places import run_route
from ops.api.door.streamed_body import StreamedBody
from ops.api.door.who_asks import caller
from ops.api.parts import Parts
from ops.board.board import NotFound
from ops.board.failures.failures_of_run import csv_lines, open_failures
from ops.board.recipients_of import recipients_of
from ops.board.settings import RecipientsSettings


class _Table(StreamedBody):
    """Reads on while it is sent."""

    def __init__(self, settings: RecipientsSettings, run_id: str) -> None:
        super().__init__(self._lines())
        self._asked = (settings, run_id, ())
        self._open = AsyncExitStack()

    async def __aenter__(self) -> StreamedBody:
        self._failures = await self._open.enter_async_context(open_failures(*self._asked))
        return await super().__aenter__()

    async def __aexit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        with trio.move_on_after(1, shield=True):
            await super().__aexit__(kind, error, trace)
            await self._open.aclose()

    async def _lines(self) -> AsyncIterator[bytes]:
        yield csv_lines([], heading=True).encode()
        while missed := await self._failures.more():
            yield csv_lines(missed).encode()


def add_run_export(app: QuartTrio, parts: Parts) -> None:
    """Serve it."""

    @app.get(run_route("failures"))
    async def failures_of_run(run_id: str) -> Response:
        url = parts.settings.log_database_url
        await parts.board.run(run_id, pages=caller().pages)
        if url is None or await recipients_of(url.get_secret_value(), run_id) is None:
            raise NotFound("the log database does not know this run, so who was not reached is not known")
        name = quote(f"{run_id.replace('/', '-')}-failures.csv", safe="")
        headers = {"Content-Disposition": f"attachment; filename*=UTF-8''{name}"}
        return Response(_Table(parts.settings, run_id), content_type="text/csv; charset=utf-8", headers=headers)
