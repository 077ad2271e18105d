"""All that acts work at, made once by a service."""

from __future__ import annotations

from dataclasses import dataclass

from redis.asyncio import Redis

from ops.acts.people_acts import PeopleDesk
from ops.acts.run_desk import RunDesk
from sender.queue.app_queue import AppQueue
from sender.queue.denied_people import DeniedPeople
from sender.queue.limit_queue import LimitQueue
from sender.queue.page_queue import PageQueue
from sender.queue.run_queue import RunQueue


@dataclass(frozen=True)
class Desks:
    """Where acts take place: the queue, as each sort of act sees it, and the log database."""

    runs: RunDesk
    pages: PageQueue
    limits: LimitQueue
    app: AppQueue
    people: PeopleDesk

    @classmethod
    def at(cls, redis: Redis, log_url: str | None) -> Desks:
        """Return those of this Redis; `log_url` None: the log database is not known here."""
        return cls(
            runs=RunDesk(RunQueue(redis), log_url),
            pages=PageQueue(redis),
            limits=LimitQueue(redis),
            app=AppQueue(redis),
            people=PeopleDesk(DeniedPeople(redis), log_url),
        )
