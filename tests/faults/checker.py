"""Judges a history by the promises: one final outcome for each recipient, nothing sent twice, and books that agree."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import NamedTuple

from schema.job import job_id
from schema.outcomes import FINAL_OUTCOMES, Outcome
from schema.run import RunState
from tests.faults.history import History, Row

_FINAL = frozenset(map(str, FINAL_OUTCOMES))
_MAY_HAVE_GONE_OUT = frozenset({str(Outcome.SENT), str(Outcome.UNKNOWN)})


class Finding(NamedTuple):
    """A broken promise."""

    kind: str
    """`lost`, `doubled`, `stale`, `unfinished`, `counters`, `unmarked`, `unlogged` or `stranger`."""
    run_id: str
    recipient_id: str
    """"" when it is about the whole run."""
    detail: str


def check(history: History) -> list[Finding]:
    """Return every broken promise; empty: all were kept."""
    return list(_Check(history).findings())


def _known_better(queue: Counter[str], log: Counter[str]) -> Counter[str]:
    """Return the queue's counts, but for those that it calls unknown and the log knows: who sent them told it later."""
    found = queue.copy()
    for outcome in (str(Outcome.SENT), str(Outcome.FAILED)):
        more = min(max(0, log[outcome] - found[outcome]), found[Outcome.UNKNOWN])
        found[outcome] += more
        found[Outcome.UNKNOWN] -= more
    return found


class _Check:
    def __init__(self, history: History) -> None:
        self._history = history
        self._who = {
            job_id(run_id, person).hex(): (run_id, person)
            for run_id, people in history.enqueued.items()
            for person in people
        }
        self._rows: dict[str, list[Row]] = {}
        for row in history.rows:
            self._rows.setdefault(row.job, []).append(row)
        self._accepted = Counter(history.accepted)

    def findings(self) -> Iterator[Finding]:
        yield from self._rows_of_each()
        yield from self._messages()
        yield from self._truth_of_rows()
        yield from self._books()
        yield from self._tales()

    def _found(self, kind: str, job: str, detail: str) -> Finding:
        run_id, person = self._who.get(job, ("?", job))
        return Finding(kind, run_id, person, detail)

    def _rows_of_each(self) -> Iterator[Finding]:
        for job in self._who:
            final = [row.outcome for row in self._rows.get(job, []) if row.outcome in _FINAL]
            if not final:
                yield self._found("lost", job, "no final row")
            elif len(final) > 1:
                yield self._found("doubled", job, f"final rows: {', '.join(final)}")
        for event_id, count in Counter(row.event_id for row in self._history.rows).items():
            if count > 1:
                yield Finding("doubled", "", "", f"event {event_id} has {count} rows")
        for job in self._rows.keys() - self._who.keys():
            yield self._found("stranger", job, "a row for somebody who was never enqueued")

    def _messages(self) -> Iterator[Finding]:
        times = Counter(job for job, _ in self._accepted.elements())
        for job, count in times.items():
            if job not in self._who:
                yield self._found("stranger", job, "a message to somebody who was never enqueued")
            elif count > 1 and self._who[job][0] not in self._history.resending:
                yield self._found("doubled", job, f"accepted {count} times")
        for (job, attempt), count in self._accepted.items():
            if count > 1:
                yield self._found("doubled", job, f"attempt {attempt} was accepted {count} times")

    def _truth_of_rows(self) -> Iterator[Finding]:
        """Rows may say less than what happened (`unknown`), and nothing else than what happened."""
        for job, rows in self._rows.items():
            for row in rows:
                arrived = (job, row.attempt) in self._accepted
                may_arrive = row.outcome in _MAY_HAVE_GONE_OUT or row.error_class == "ambiguous"
                if row.outcome == Outcome.SENT and not arrived:
                    yield self._found("stale", job, f"attempt {row.attempt} is logged as sent and was never accepted")
                elif arrived and not may_arrive:
                    yield self._found("stale", job, f"attempt {row.attempt} is {row.outcome} and was accepted")
        for job, attempt in self._accepted:
            if not any(row.attempt == attempt for row in self._rows.get(job, [])):
                yield self._found("lost", job, f"attempt {attempt} was accepted and has no row")

    def _books(self) -> Iterator[Finding]:
        by_run: dict[str, Counter[str]] = {}
        for row in self._history.rows:
            by_run.setdefault(row.run_id, Counter())[row.outcome] += 1
        for run_id, people in self._history.enqueued.items():
            run = self._history.runs[run_id]
            final = sum(n for outcome, n in run.outcomes.items() if outcome in _FINAL)
            if run.state != RunState.FINISHED:
                yield Finding("unfinished", run_id, "", f"{run.state}, {run.left} left")
            if (run.recipients, run.left, final) != (len(people), 0, len(people)):
                told = f"{run.recipients} recipients, {run.left} left, {final} ended; enqueued were {len(people)}"
                yield Finding("counters", run_id, "", told)
            logged = by_run.get(run_id, Counter())
            if +_known_better(run.outcomes, logged) != logged:
                told = f"Redis has {dict(run.outcomes)}, the log {dict(logged)}"
                yield Finding("counters", run_id, "", told)

    def _tales(self) -> Iterator[Finding]:
        """What the senders told: no request without a mark, no mark twice, no settlement without its row."""
        marks = Counter(self._history.marks)
        for (job, attempt), count in self._accepted.items():
            if count > marks[job, attempt]:
                yield self._found("unmarked", job, f"attempt {attempt} left more often than it was marked")
        for (job, attempt), count in marks.items():
            if count > 1:
                yield self._found("doubled", job, f"attempt {attempt} was marked {count} times")
        settled = Counter(job for job, _ in self._history.settlements)
        for job, count in settled.items():
            if count > 1:
                yield self._found("doubled", job, f"settled {count} times")
        for job, outcome in self._history.settlements:
            told = {outcome, str(Outcome.SENT), str(Outcome.FAILED)} if outcome == Outcome.UNKNOWN else {outcome}
            if not any(row.outcome in told for row in self._rows.get(job, [])):
                yield self._found("unlogged", job, f"settled as {outcome} without such a row")
