"""Putting together what is known of one person: the log's attempts, the runs still to come, suppressions, the queue."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from datetime import datetime
from importlib.resources import files

import msgspec
import trio
from redis.asyncio import Redis
from redis.exceptions import RedisError

from ops.board.errors import NotFound
from ops.board.history import History
from ops.board.pages.page_names import PageNames
from ops.board.pages.page_reading import Around
from ops.board.people.named_recipients import NamedRecipients, Registered
from ops.board.people.person_answers import JobPlace, PersonAnswer, PersonRun, Reason
from ops.board.runs.run_answers import OVER, CheckStatus, RunAnswer
from ops.board.suppressions import Suppression
from ops.message_log.log_rows import LogRow
from ops.message_log.question import BadQuestion, question
from schema.event import at_us
from schema.outcomes import Outcome
from schema.text import Text
from sender.queue.job_search import FoundJob, JobSearch

LONGEST_ID = 500
MOST_ATTEMPTS = 200
MOST_LOOKED_INTO = 100
"""Unfinished runs of which the source is asked whether somebody stands in them."""
MOST_SEARCHED = 20
"""Jobs of one person that are looked for in the queue."""
SEARCH_WITHIN_S = 3.0
_DRAINED = ("cancelled", "expired")
_RUNS = files("ops.board").joinpath("sql/runs_of_person.sql").read_text()
Pages = frozenset[str] | None
"""Those that may be seen; None: all."""


class Known(msgspec.Struct):
    """What the log database says of somebody."""

    attempts: list[LogRow]
    next: str | None
    suppressions: list[Suppression]


class People:
    """Answers for one person. Methods are Trio coroutines.

    Errors: HistoryUnreachable, QueueUnreachable; NotFound: without the log database.
    """

    def __init__(
        self,
        around: Callable[[], Awaitable[Around]],
        names: PageNames,
        history: History | None,
        recipients: NamedRecipients,
        redis: Redis,
        newest: Callable[[], Awaitable[Iterable[RunAnswer]]],
    ) -> None:
        self.names = names
        self._around = around
        self._newest = newest
        self._log = history
        self._recipients = recipients
        self._search = JobSearch(redis)
        self._turn = trio.Lock()

    async def person(
        self, recipient_id: str, pages: Pages, *, page_id: str | None = None, after: str | None = None
    ) -> PersonAnswer:
        """Return what is known of a person.

        Args:
            recipient_id: the page-scoped id.
            pages: of which something may be said.
            page_id: only of this page.
            after: the `next` of a former answer: older attempts. BadQuestion: it is none.
        """
        refuse_no_ids(recipient_id, page_id or "")
        known = await self.known(recipient_id, pages, page_id, None, after)
        logged = list(dict.fromkeys(row.run_id for row in known.attempts))
        others = await self._others(known, logged, pages, page_id) if after is None else []
        looked, left = others[:MOST_LOOKED_INTO], len(others[MOST_LOOKED_INTO:])
        registered = await self.registered([*logged, *looked])
        asked = [registered[run_id] for run_id in looked if run_id in registered]
        named = await self._recipients.in_runs(recipient_id, asked)
        if named.status != "ok":
            left, asked = left + len(asked), []
        runs = [*(run_id for run_id in looked if run_id in named.value), *logged]
        found, queue = await self.search(recipient_id, _open(runs, known.attempts)[:MOST_SEARCHED])
        names = await self.names.of(
            [*(row.page_id for row in known.attempts), *(r.page_id for r in registered.values())]
        )
        answers = [
            person_run(run_id, known.attempts, registered.get(run_id), found.get(run_id), names, recipient_id)
            for run_id in runs
        ]
        return PersonAnswer(
            recipient_id=recipient_id,
            runs=answers,
            attempts=known.attempts,
            next=known.next,
            suppressions=known.suppressions,
            because=list(because(answers, known.suppressions, all_looked_into=not left)),
            runs_looked_into=len(asked),
            runs_not_looked_into=left,
            log="ok",
            source=named.status,
            queue=queue,
        )

    @property
    def _history(self) -> History:
        if self._log is None:
            raise NotFound("LOG_DATABASE_URL is not set for this service: what became of people is in the log database")
        return self._log

    async def known(
        self, recipient_id: str, pages: Pages, page_id: str | None, run_id: str | None, after: str | None
    ) -> Known:
        """Return attempts and suppressions of these pages."""
        asked = question({"recipient": recipient_id, "page": page_id, "run": run_id, "after": after})
        log = await self._history.log(msgspec.structs.replace(asked, pages=pages), MOST_ATTEMPTS)
        of_person = {"person": recipient_id, "page": page_id}
        entries = await self._history.suppressions(of_person, MOST_ATTEMPTS, pages)
        return Known(log.rows, log.next, entries.suppressions)

    async def registered(self, run_ids: list[str]) -> dict[str, Registered]:
        """Return what the registry says of these runs."""
        rows = await self._history.ask(_RUNS, {"runs": run_ids})
        return {row["run_id"]: Registered(**row) for row in rows}

    async def search(self, recipient_id: str, run_ids: list[str]) -> tuple[dict[str, FoundJob], CheckStatus]:
        """Look for the person's jobs in the queue, one search at a time, and say whether it could be asked."""
        try:
            async with self._turn:
                with trio.fail_after(SEARCH_WITHIN_S):
                    return await self._search.find(recipient_id, run_ids), "ok"
        except (trio.TooSlowError, RedisError, OSError):
            return {}, "down"

    async def _others(self, known: Known, logged: list[str], pages: Pages, page_id: str | None) -> list[str]:
        """Return unfinished runs without an attempt in which the person may stand.

        They are those of the queue, and of the newest those that are still to come or whose queue was lost. A person's
        id belongs to one page: where that is known, the runs of others need no looking into.
        """
        of_person = {row.page_id for row in known.attempts} | {entry.page_id for entry in known.suppressions}
        of_person = {page_id} if page_id else of_person
        unfinished = {run.run_id: run.page_id for run in (await self._around()).unfinished}
        unfinished |= {run.run_id: run.page_id for run in await self._newest() if run.status not in OVER}
        return [
            run_id
            for run_id, of_page in unfinished.items()
            if run_id not in logged and (pages is None or of_page in pages) and (not of_person or of_page in of_person)
        ]


def refuse_no_ids(*ids: str) -> None:
    """Refuse what is nobody's id and no run's. Raises BadQuestion."""
    if any("\0" in one or len(one) > LONGEST_ID for one in ids):
        raise BadQuestion(f"an id has at most {LONGEST_ID} characters, none of them a NUL")


def _open(run_ids: Iterable[str], attempts: list[LogRow]) -> list[str]:
    """Return the runs without a final outcome in the log."""
    final = {row.run_id for row in attempts if row.outcome != Outcome.RETRYING}
    return [run_id for run_id in run_ids if run_id not in final]


def person_run(
    run_id: str,
    attempts: list[LogRow],
    registered: Registered | None,
    found: FoundJob | None,
    names: dict[str, str],
    recipient_id: str,
) -> PersonRun:
    """Return what one run did with the person. Pure."""
    rows = [row for row in attempts if row.run_id == run_id]
    newest = next((row for row in rows if row.outcome != Outcome.RETRYING), rows[0] if rows else None)
    page_id = newest.page_id if newest else registered.page_id if registered else ""
    in_queue = found.run_state if found else None
    return PersonRun(
        run_id=run_id,
        page_id=page_id,
        page_name=names.get(page_id),
        run_state=in_queue or (registered.state if registered else None),
        outcome=newest.outcome if newest else None,
        error_class=newest.error_class if newest else None,
        told=newest.error_message if newest else None,
        attempts=len(rows),
        last_at=newest.sent_at if newest else None,
        place=place(recipient_id, found, newest),
        next_retry_at=due_at(found),
    )


def place(recipient_id: str, found: FoundJob | None, newest: LogRow | None, *, unsendable: bool = False) -> JobPlace:
    """Return where the job is. Pure.

    Args:
        recipient_id: whose.
        found: what the queue says.
        newest: its newest row in the log, a final one if there is any.
        unsendable: whether it would surely not be sent, for a reason of its own.
    """
    if newest is not None and newest.outcome != Outcome.RETRYING:
        return "ended"
    if found is None:
        return "unknown"
    if found.held is not None and found.run_state not in (None, "finished"):
        return "marked" if found.held.attempt is not None else "held"
    return _unheld(recipient_id, found, unsendable)


def _unheld(recipient_id: str, found: FoundJob, unsendable: bool) -> JobPlace:
    """Return where a job is that no sender has."""
    if found.run_state in (None, "finished"):
        return "not_in_queue"
    if found.run_state in _DRAINED:
        return "drain"
    if found.due_ms is not None:
        return "delayed"
    if not found.enqueued and recipient_id.encode() > found.cursor.encode():
        return "not_yet"
    if not found.searched:
        return "unknown"
    return "drain" if unsendable and found.aside else "waiting"


def due_at(found: FoundJob | None) -> datetime | None:
    """Return when the retry is due; None: there is none, or it is not known."""
    return at_us(found.due_ms * 1000) if found and found.due_ms is not None else None


def because(runs: list[PersonRun], entries: list[Suppression], *, all_looked_into: bool) -> Iterable[Reason]:
    """Yield why nothing was sent. Pure."""
    for entry in entries:
        yield reason_of(entry)
    if not runs:
        found = Text("no attempt is in the log, and none of the runs in the queue has this person")
        if not all_looked_into:
            found = Text("no attempt is in the log; not every run in the queue could be looked into")
        detail = Text("%(found)s; runs that are due later are not looked into", found=found)
        yield Reason(cause="not_in_any_run", detail=str(detail)).worded(detail=detail)
    for run in runs:
        if run.outcome in (None, Outcome.SENT, Outcome.RETRYING):
            continue
        yield Reason(
            cause=run.error_class or run.outcome or "",
            detail=run.told or run.outcome or "",
            page_id=run.page_id,
            run_id=run.run_id,
            since=run.last_at,
        )


def reason_of(entry: Suppression) -> Reason:
    """Say what an entry means for the next run."""
    cause, detail = _entry_in_words(entry)
    if not entry.confirmed:
        detail = Text(
            "%(entry)s; that run is braked because most of it are gone: it counts when a person resumes it",
            entry=detail,
        )
    made = Reason(cause=cause, detail=str(detail), page_id=entry.page_id, run_id=entry.run_id, since=entry.since)
    return made.worded(detail=detail)


def _entry_in_words(entry: Suppression) -> tuple[str, Text]:
    if entry.reason != "denied":
        run = str(entry.run_id)
        return "recipient_gone", Text("Meta said in run %(run)s that this person cannot be reached", run=run)
    note = f": {entry.note}" if entry.note else ""
    return "recipient_denied", Text("on the page's deny list, by %(who)s%(note)s", who=str(entry.by_whom), note=note)
