"""What the routes work with, opened once by `app`."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

from redis.asyncio import Redis

from ops.acts.desks import Desks
from ops.api.door.access import Access
from ops.api.door.event_feeds import EventFeeds
from ops.api.door.uploads import Uploads
from ops.api.settings import ApiSettings
from ops.board.board import Board


@dataclass(frozen=True, kw_only=True)
class Parts:
    """Shared by all requests."""

    settings: ApiSettings
    redis: Redis
    board: Board
    access: Access
    feeds: EventFeeds
    uploads: Uploads = field(default_factory=Uploads)

    @cached_property
    def desks(self) -> Desks:
        """Where acts take place."""
        url = self.settings.log_database_url
        return Desks.at(self.redis, url.get_secret_value() if url else None)
