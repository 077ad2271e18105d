"""Mending the log."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from ingest.mending.redrive import Redriven
from ops.acts import log_redrive
from ops.api.door.problems import BadParameter
from ops.api.rest.steering.act_route import ActRoute, Asked, Body


class Letters(Body, frozen=True, kw_only=True):
    """Which dead letters."""

    expect: Annotated[int, Meta(ge=0)]
    """How many they are, as `GET /api/v1/dead-letters` says; when they are others by now, nothing is done."""
    reason: Annotated[str, Meta(min_length=1, max_length=200)] | None = None
    """Only those whose reason contains this; null: all."""


async def _redrive(asked: Asked, body: Letters) -> Redriven:
    asked.of_all()
    if body.reason is not None and "\0" in body.reason:
        raise BadParameter("reason holds a NUL character, which no reason has")
    return await log_redrive.put_back(asked.parts.settings, body.expect, body.reason, asked.who)


LOG_ROUTES = (
    ActRoute(
        "/api/v1/dead-letters/redrive",
        "Put dead letters into the log, after a mend",
        Letters,
        Redriven,
        _redrive,
        f"At most {log_redrive.MOST_AT_ONCE} at once. What is refused again stays, with its new reason.",
    ),
)
