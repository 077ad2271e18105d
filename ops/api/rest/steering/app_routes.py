"""Stopping everything, and letting it go on."""

from __future__ import annotations

from ops.acts.app_acts import AppDone, pause_all, resume_all
from ops.api.rest.steering.act_route import ActRoute, Asked, Nothing


async def _pause(asked: Asked, _body: Nothing) -> AppDone:
    asked.of_all()
    return await pause_all(asked.desks.app, asked.who)


async def _resume(asked: Asked, _body: Nothing) -> AppDone:
    asked.of_all()
    return await resume_all(asked.desks.app, asked.who)


APP_ROUTES = (
    ActRoute(
        "/api/v1/pause",
        "Stop sending altogether until it is resumed",
        Nothing,
        AppDone,
        _pause,
        "Nothing more is claimed from this moment on. Works while the databases are away.",
    ),
    ActRoute(
        "/api/v1/resume",
        "End a pause of everything",
        Nothing,
        AppDone,
        _resume,
        "Pages and runs that are paused by themselves stay paused.",
    ),
)
