"""One message of a run to somebody who may be tested on, past queue, log and figures."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import httpx
import msgspec
import trio

from ops.acts.here import log_url, token_box
from ops.acts.not_done import ActRefused, NoSuch
from ops.acts.run_desk import sql
from ops.acts.settings import TryOutSettings
from ops.board.log_query import query
from ops.board.page_limits import BY_HAND_MS
from ops.board.recipients_of import recipients_of
from ops.board.source_of import open_source
from schema.job import Job, job_id
from schema.keys import key
from schema.run import Run
from schema.runtime.asyncio_door import aio
from schema.runtime.redis import open_redis
from sender.graph.api.classify import Answer, classify, tied_to
from sender.graph.api.request import RequestFactory, UnfitRequestPart
from sender.graph.api.usage import header_of
from sender.graph.http.dial import tls_context
from sender.graph.http.errors import AnswerLost, NotSent
from sender.graph.http.origin import Origin
from sender.graph.http.pool import Pool
from sender.graph.http.proxy import ProxySettings
from sender.message.errors import NotSendable
from sender.message.template import MessageTemplate
from sender.message.variables import read_variables
from sender.queue.page_queue import PageQueue
from sender.runs.by_hand.described import described_run
from sender.runs.rules.rows import PageRow, SourceRun
from sender.sealed_tokens import SEALED_PREFIX, TokenUnreadable

ANSWER_WITHIN_S = 90.0
_MARK = "test"
"""What the metadata of such a message begins with, behind the job: an echo of Meta's tells it from the real ones."""


class TryOut(msgspec.Struct, frozen=True):
    """What became of it."""

    run_id: str
    recipient_id: str
    filled_in_for: str
    """Whose variables were filled in."""
    outcome: str
    """`sent`, `failed` or `unknown`."""
    message_id: str | None = None
    error_class: str | None = None
    error_code: int | None = None
    error_subcode: int | None = None
    error_message: str | None = None


async def try_out(
    settings: TryOutSettings, run_id: str, to: str, like: str | None, who: str, *, within_s: float = ANSWER_WITHIN_S
) -> TryOut:
    """Send it; what became of it is known within so many seconds, or it is `unknown`.

    Args:
        settings: where the run stands, how it is sent, and to whom.
        run_id: one of the source or a submitted one, taken or not.
        to: who gets it.
        like: whose variables are filled in; None: their own, or those of the run's first recipient.
        who: does it, for the audit trail.
        within_s: see above.

    Raises:
        ActRefused: it may not be sent to them, not now, or not like this.
        NoSuch: nobody knows the run or whom it is to be filled in for.
        CannotNow, RunMisdescribed, DatabaseAway, QueryRefused, psycopg.Error, redis.RedisError: nothing was sent.
    """
    if to not in settings.testers:
        raise ActRefused(
            "%(person)s is nobody to be tested on: add the id to TEST_RECIPIENTS, with commas between several",
            person=to,
        )
    row, token = await _run_and_token(settings, run_id)
    run = _marked(described_run(msgspec.structs.replace(row, send_window=None), settings.rules_off))
    person, variables = await _variables(settings, run_id, like or to, chosen=like is not None)
    secret = settings.app_secret.get_secret_value() if settings.app_secret else None
    graph, version = settings.graph_api_url, settings.graph_api_version
    try:
        template = MessageTemplate(run.message)
        requests = RequestFactory(run, template, url=graph, version=version, token=token, app_secret=secret)
        request = requests.single(job_id(run_id, to), Job(to, read_variables(variables)), 0)
    except (NotSendable, UnfitRequestPart) as exc:
        raise ActRefused("the message cannot be sent like this: %(why)s", why=str(exc)) from None
    url = log_url(settings)
    if await query(url, sql("denied"), {"page_id": run.page_id, "recipient_id": to}):
        raise ActRefused(
            "%(person)s is on the deny list of page %(page)s: newar suppression remove takes them off",
            person=to,
            page=run.page_id,
        )
    note = {"who": who, "what": "run test", "target": run_id, "detail": f"to {to}, filled in for {person}"}
    await query(url, sql("note_act"), note)
    outcome, answer = await _send(settings, request, to, within_s)
    if isinstance(answer, str):
        return TryOut(run_id, to, person, outcome, error_message=answer)
    return TryOut(
        *(run_id, to, person, outcome, answer.message_id, answer.error_class),
        *(answer.code, answer.subcode, answer.message),
    )


async def _run_and_token(settings: TryOutSettings, run_id: str) -> tuple[SourceRun, str]:
    """Return the run as it stands in its source, and its page's token in the clear."""
    redis = open_redis(settings.redis_url.get_secret_value())
    try:
        paused_until_ms = await aio(redis.hget, key("app"), "paused_until_ms")
        if float(paused_until_ms or 0) >= BY_HAND_MS:
            raise ActRefused("everything is paused by hand, tests too: newar resume --all")
        async with open_source(settings, "source") as source:
            rows = await source.runs([run_id]) if source else []
            pages = await source.pages() if source else []
        if not rows:
            async with open_source(settings, "submitted") as submitted:
                rows = await submitted.runs([run_id]) if submitted else []
        for row in rows:
            in_queue, _ = await PageQueue(redis).token(row.page_id or "")
            return row, _opened(settings, _page_token(pages, row) or in_queue)
    finally:
        with trio.move_on_after(1, shield=True):
            await aio(redis.aclose)
    raise NoSuch("no run has the id %(run)s: neither one of the source nor a submitted one", run=run_id)


def _page_token(pages: Sequence[PageRow], row: SourceRun) -> str:
    """Return the token that counts: the page's own, else the run's; "": neither has one."""
    of_page = next((page.page_access_token for page in pages if page.page_id == row.page_id), None)
    return (of_page or "").strip() or (row.page_access_token or "").strip()


def _opened(settings: TryOutSettings, token: str) -> str:
    try:
        clear = token_box(settings).open(token) if token.startswith(SEALED_PREFIX) else token
    except TokenUnreadable as exc:
        raise ActRefused(str(exc)) from None
    if not clear:
        raise ActRefused("page_access_token is missing: give the run or its page one")
    return clear


def _marked(run: Run) -> Run:
    own = run.message.get("metadata")
    return msgspec.structs.replace(run, message={**run.message, "metadata": f"{_MARK};{own}" if own else _MARK})


async def _variables(settings: TryOutSettings, run_id: str, like: str, *, chosen: bool) -> tuple[str, str | None]:
    """Return who is filled in, and their variables: this person, or the run's first unless somebody was chosen."""
    stand = await recipients_of(log_url(settings), run_id)
    for name in [stand.source] if stand else ["source", "submitted"]:
        async with open_source(settings, name) as source:
            of_run = stand.run_id if stand else run_id
            found = await source.recipients_named(of_run, [like]) if source else {}
            if like in found:
                return like, found[like].variables
            if not chosen and source:
                for row in await source.recipients(of_run, "", 1):
                    return row.recipient_id, row.variables
    if chosen:
        raise NoSuch("%(person)s is no recipient of %(run)s", person=like, run=run_id)
    raise NoSuch("nobody is a recipient of %(run)s yet", run=run_id)


async def _send(settings: TryOutSettings, request: httpx.Request, to: str, within_s: float) -> tuple[str, Answer | str]:
    """Return the outcome, with the answer or why there is none."""
    ca_file = settings.graph_ca_file
    tls = tls_context(Path(ca_file) if ca_file else None)
    pool = Pool(max_sockets=1, tls=tls, proxy=ProxySettings.from_environment())
    try:
        with trio.fail_after(within_s):
            connection = await pool.acquire(Origin.from_url(settings.graph_api_url))
            try:
                response = await connection.send(request)
            finally:
                connection.release()
    except NotSent as exc:
        return "failed", f"nothing was sent: {exc}"
    except (AnswerLost, trio.TooSlowError) as exc:
        return "unknown", f"no answer came, and it may have arrived: {exc}"
    finally:
        await pool.aclose()
    answer = tied_to(classify(response.status_code, header_of(response), response.content), to)
    if answer.error_class is None:
        return "sent", answer
    return "unknown" if answer.error_class == "ambiguous" else "failed", answer
