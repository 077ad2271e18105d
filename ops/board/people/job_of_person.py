"""One job: what would go now, how often it was tried, who has it, and when it is tried again."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Iterable
from typing import Any

import msgspec
from redis.asyncio import Redis
from redis.exceptions import RedisError

from ops.board.errors import NotFound
from ops.board.history import History
from ops.board.pages.page_names import PageNames
from ops.board.pages.page_reading import Around
from ops.board.people.named_recipients import NamedRecipients, Registered, Said
from ops.board.people.one_person import Known, Pages, People, due_at, place, refuse_no_ids
from ops.board.people.person_answers import JobAnswer, Reason
from ops.board.runs.run_answers import RunAnswer
from ops.board.settings import BoardSettings
from ops.board.suppressions import Suppression
from schema.event import at_us
from schema.job import Job, job_id
from schema.outcomes import Outcome
from schema.run import Run
from sender.graph.api.request import RequestFactory, UnfitRequestPart
from sender.message.errors import BadTemplate, NotSendable
from sender.message.template import MessageTemplate
from sender.message.window import Now
from sender.queue.job_search import FoundJob
from sender.queue.run_queue import RunQueue
from sender.runs.rules.check import Refusal, check, moment_ms
from sender.runs.rules.records import RecipientRow, kept_variables
from sender.runs.rules.surely_not_sent import NotSent
from sender.runs.rules.surely_not_sent import Suppression as Entry

_URL, _VERSION, _TOKEN = "https://graph.facebook.com", "v0.0", "none"


class Jobs:
    """Answers for one job. Methods are Trio coroutines.

    Args:
        people: what is known of people.
        find_run: finds any run; NotFound: nobody knows it.
        recipients: what the source says.
        redis: the queue.
        settings: whether the 24-hour window is kept, and which rules of a message's form do not count.
    """

    def __init__(
        self,
        people: People,
        find_run: Callable[[str], Awaitable[RunAnswer]],
        recipients: NamedRecipients,
        redis: Redis,
        settings: BoardSettings,
    ) -> None:
        self.people = people
        self._find_run = find_run
        self._recipients = recipients
        self._runs = RunQueue(redis)
        self._keep_window = settings.enforce_messaging_window
        self._rules_off = settings.rules_off

    async def job(self, run_id: str, recipient_id: str, pages: Pages) -> JobAnswer:
        """Return what is known of a job.

        Raises:
            NotFound: nobody knows the run, or this person in it; or the run is none of those that may be seen.
            HistoryUnreachable: the log database is away.
            BadQuestion: these cannot be ids.
        """
        refuse_no_ids(recipient_id, run_id)
        if "\0" in run_id:  # which no database can be asked for
            raise NotFound("neither the queue nor the run registry knows this run")
        registered = (await self.people.registered([run_id])).get(run_id)
        page_id = registered.page_id if registered else (await self._find_run(run_id)).page_id
        if pages is not None and page_id not in pages:
            raise NotFound("neither the queue nor the run registry knows this run")
        known = await self.people.known(recipient_id, pages, page_id, run_id, None)
        searched, queue = await self.people.search(recipient_id, [run_id])
        found = searched.get(run_id)
        row: Said[RecipientRow | None] = Said(None, "not_configured")
        if registered is not None:
            row = await self._recipients.row(recipient_id, registered)
        queued = found.job if found else None
        if not known.attempts and row.value is None and queued is None and row.status == "ok":
            raise NotFound("this person is no recipient of this run")
        person = _person(queued, row.value)
        run = await self._run(run_id, found)
        payload, problem = _payload(run, person, found, known, recipient_id)
        own = self._stops(run, person, row.value, known.suppressions)
        stops = [*([problem] if problem else []), *own]
        held, newest = found.held if found else None, _newest(known)
        marked_us = held.marked_at_us if held else None
        names = await self.people.names.of([page_id])
        return JobAnswer(
            run_id=run_id,
            page_id=page_id,
            page_name=names.get(page_id),
            recipient_id=recipient_id,
            job_id=job_id(run_id, recipient_id).hex(),
            run_state=found.run_state if found and found.run_state else _state(registered),
            place=place(recipient_id, found, newest, unsendable=bool(own) and person is not None),
            attempts=known.attempts,
            marks=queued.attempts if queued else None,
            retries=queued.retries if queued else None,
            next_retry_at=due_at(found),
            held_by=held.session if held else None,
            lease_until=at_us(held.lease_until_us) if held else None,
            marked_at=at_us(marked_us) if marked_us else None,
            payload=payload,
            filled_from=None if payload is None else "queue" if queued else "source",
            would_not_go=_once(stops),
            last_interaction_at=_moment(person),
            time_zone=person.time_zone if person else None,
            suppressions=known.suppressions,
            log="ok",
            source=row.status,
            queue=queue,
        )

    async def _run(self, run_id: str, found: FoundJob | None) -> Run | Reason:
        """Return the run as it would be sent: as it is in the queue, else as the source has it now."""
        try:
            if found and found.run_state and (run := await self._runs.spec(run_id)):
                return run
        except (RedisError, OSError, msgspec.DecodeError):
            pass
        row = await self._recipients.run(run_id)
        if row.value is None:
            what = "its source does not have this run any more" if row.status == "ok" else "its source cannot be asked"
            return Reason(
                cause="unknown", detail=f"{what}, nor has the queue: what would go is not known", run_id=run_id
            )
        now_ms = time.time_ns() // 1_000_000
        taken = check(
            row.value, now_ms=now_ms, has_token=True, time_zone=None, own_zones=True, rules_off=self._rules_off
        )
        return Reason(cause="refused", detail=taken.reason, run_id=run_id) if isinstance(taken, Refusal) else taken

    def _stops(
        self, run: Run | Reason, person: Job | None, row: RecipientRow | None, entries: list[Suppression]
    ) -> list[Reason]:
        """Return why the person would not get it now, by the checks that the run processor makes."""
        if isinstance(run, Reason):
            return [run]
        if person is None:
            return [Reason(cause="unknown", detail="the source does not have this person in the run any more")]
        now_ms = time.time_ns() // 1_000_000
        checks = NotSent(run, Now(now_ms, now_ms), keep_window=self._keep_window, rules_off=self._rules_off)
        stand = [
            Entry(entry.recipient_id, entry.reason, entry.since.timestamp()) for entry in entries if entry.confirmed
        ]
        last_s = None if person.last_interaction_ms is None else person.last_interaction_ms / 1000
        variables = row.variables if row else msgspec.json.encode(person.variables).decode()
        aside = checks.why_not(RecipientRow(person.recipient_id, variables, last_s), stand)
        found = [aside, person.aside] if aside else [person.aside]
        return [Reason(cause=one.error_class, detail=one.reason, page_id=run.page_id) for one in found if one]


def open_jobs(
    settings: BoardSettings,
    redis: Redis,
    history: History | None,
    around: Callable[[], Awaitable[Around]],
    names: PageNames,
    find_run: Callable[[str], Awaitable[RunAnswer]],
    newest: Callable[[], Awaitable[Iterable[RunAnswer]]],
) -> Jobs:
    """Put together what knows people and their jobs. `newest`: the registry's newest runs."""
    recipients = NamedRecipients(settings)
    return Jobs(People(around, names, history, recipients, redis, newest), find_run, recipients, redis, settings)


def _person(queued: Job | None, row: RecipientRow | None) -> Job | None:
    """Return the person as their message would be made: as they stand in the queue, else in the source."""
    if queued is not None or row is None:
        return queued
    last_ms = None if row.last_interaction_s is None else moment_ms(row.last_interaction_s)
    return Job(row.recipient_id, kept_variables(row.variables), last_ms, time_zone=row.time_zone)


def _payload(
    run: Run | Reason, person: Job | None, found: FoundJob | None, known: Known, recipient_id: str
) -> tuple[dict[str, Any] | None, Reason | None]:
    """Return the body of the request, or why there is none."""
    if isinstance(run, Reason) or person is None:
        return None, None
    marked = found.held.attempt if found and found.held else None
    attempt = 1 + max([person.attempts, *(row.attempt for row in known.attempts)])
    try:
        requests = RequestFactory(
            run, MessageTemplate(run.message), url=_URL, version=_VERSION, token=_TOKEN, app_secret=None
        )
        body = requests.single(job_id(run.run_id, recipient_id), person, marked or attempt).content
    except (BadTemplate, UnfitRequestPart) as exc:
        return None, Reason(cause="bad_payload", detail=str(exc))
    except NotSendable as exc:
        return None, Reason(cause=exc.error_class, detail=exc.reason)
    payload: dict[str, Any] = msgspec.json.decode(body)
    return payload, None


def _newest(known: Known) -> Any:
    final = (row for row in known.attempts if row.outcome != Outcome.RETRYING)
    return next(final, known.attempts[0] if known.attempts else None)


def _once(reasons: list[Reason]) -> list[Reason]:
    """Return each cause once: the same check may be made by two."""
    return list({reason.cause: reason for reason in reversed(reasons)}.values())[::-1]


def _moment(person: Job | None) -> Any:
    ms = person.last_interaction_ms if person else None
    return None if ms is None else at_us(ms * 1000)


def _state(registered: Registered | None) -> str | None:
    return registered.state if registered else None
