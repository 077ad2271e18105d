"""The mark: "this may now leave", written before the request, for many tasks' jobs in one call."""

from __future__ import annotations

from functools import partial
from itertools import groupby
from operator import itemgetter

from sender.figures import Figures
from sender.queue.claimed_job import ClaimedJob
from sender.queue.group_commit import GroupCommit
from sender.queue.held_jobs import HeldJobs
from sender.queue.replica_outage import ReplicaOutage
from sender.queue.session_queue import ReplicasMissing, SessionQueue
from sender.queue.until_answered import UntilAnswered

_WITHIN_S = 0.005
"""How long a mark waits for others: a call of Redis costs more than what it does for one job."""


class Marks:
    """Marks in groups; `group.run` must run as a service.

    Args:
        queue: where jobs are marked.
        held: forgets those that are somebody else's by now, and knows until when the others are ours.
        until_answered: repeats a call until Redis has answered it.
        figures: counts those that are somebody else's.
        replica_outage: is told when too few replicas know of a mark.
        enough: tasks that are served without waiting for more.
    """

    def __init__(
        self,
        queue: SessionQueue,
        held: HeldJobs,
        until_answered: UntilAnswered,
        figures: Figures,
        replica_outage: ReplicaOutage,
        *,
        enough: int,
    ) -> None:
        self._queue = queue
        self._held = held
        self._until_answered = until_answered
        self._figures = figures
        self._replica_outage = replica_outage
        self.group: GroupCommit[tuple[str, list[tuple[bytes, int]]], list[int | None] | None] = GroupCommit(
            self._commit, pause_s=_WITHIN_S, enough=enough
        )

    async def mark(self, jobs: list[ClaimedJob]) -> None:
        """Mark jobs of one session: afterwards each has its `sent_at_us`, or is `done`, being somebody else's.

        One that has neither may not leave, since too few replicas know of it.
        """
        session = jobs[0].session
        for job in jobs:
            job.mark_asked = True
        times = await self.group.submit((session, [(job.id, job.attempt) for job in jobs]))
        for job, sent_at_us in zip(jobs, times or (), strict=times is not None):
            if sent_at_us is None:
                job.done = True
                self._figures.stale_settlements += 1
                if session == self._queue.session:
                    self._held.drop(job.id)
            else:
                job.sent_at_us = sent_at_us

    def certainly_ours(self, job: ClaimedJob) -> bool:
        """Say whether nobody can have taken the job over: the lease holds, and it is the one of the claim."""
        return self._held.certain and job.session == self._queue.session

    async def _commit(self, tasks: list[tuple[str, list[tuple[bytes, int]]]]) -> list[list[int | None] | None]:
        """Mark many tasks' jobs in one call, or in several when a session was lost meanwhile."""
        answers: list[list[int | None] | None] = []
        for session, group in groupby(tasks, key=itemgetter(0)):
            parts = [part for _, part in group]
            jobs = [pair for part in parts for pair in part]
            try:
                times = iter(await self._until_answered(partial(self._queue.mark, jobs, session=session)))
            except ReplicasMissing:
                self._replica_outage.failed()
                answers += [None for _ in parts]
            else:
                answers += [[next(times) for _ in part] for part in parts]
        return answers
