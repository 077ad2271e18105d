"""Steering pages: one, or many by their ids."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Annotated, Literal

from msgspec import Meta

from ops.acts import page_acts
from ops.acts.page_acts import LimitSet, LimitsReset, PageAct, PageDone, PagesDone
from ops.api.door.problems import BadParameter
from ops.api.rest.steering.act_route import ActRoute, Asked, Body, Nothing

PAGES = "/api/v1/pages"
PAGE = f"{PAGES}/<page_id>"
MOST_PAGES = 10_000
_LONGEST_MS = 3650 * 86_400_000

PageId = Annotated[str, Meta(min_length=1, max_length=100)]


class Breaker(Body, frozen=True, kw_only=True):
    """What to make of a breaker."""

    state: Literal["open", "close"]


class Limit(Body, frozen=True, kw_only=True):
    """A limit that counts instead of the source's and of the default."""

    per_second: Annotated[float, Meta(ge=0.1, le=100_000)] | None
    """Messages a second; null takes a limit off again."""
    for_ms: Annotated[int, Meta(ge=1, le=_LONGEST_MS)] | None = None
    """For so long; null: until it is changed."""


class Chosen(Body, frozen=True, kw_only=True):
    """The pages that something is done to."""

    pages: Annotated[list[PageId], Meta(min_length=1, max_length=MOST_PAGES)]
    """Their ids."""
    expect: int | None = None
    """How many they are, when that is to be seen to."""


class ChosenBreaker(Chosen, frozen=True, kw_only=True):
    """Of many pages."""

    state: Literal["open", "close"]


class ChosenLimit(Chosen, frozen=True, kw_only=True):
    """For many pages."""

    per_second: Annotated[float, Meta(ge=0.1, le=100_000)] | None
    for_ms: Annotated[int, Meta(ge=1, le=_LONGEST_MS)] | None = None


async def _pause(asked: Asked, _body: Nothing, page_id: str) -> PageDone:
    asked.of_page(page_id)
    return await page_acts.pause_page(asked.desks.pages, page_id, asked.who)


async def _resume(asked: Asked, _body: Nothing, page_id: str) -> PageDone:
    asked.of_page(page_id)
    return await page_acts.resume_page(asked.desks.pages, page_id, asked.who)


async def _breaker(asked: Asked, body: Breaker, page_id: str) -> PageDone:
    asked.of_page(page_id)
    act = page_acts.open_breaker if body.state == "open" else page_acts.close_breaker
    return await act(asked.desks.pages, page_id, asked.who)


async def _limit(asked: Asked, body: Limit, page_id: str) -> LimitSet:
    _refuse_vain(body)
    asked.of_page(page_id)
    return await page_acts.set_limit(asked.desks.limits, page_id, body.per_second, body.for_ms, asked.who)


async def _reset(asked: Asked, _body: Nothing, page_id: str) -> LimitsReset:
    asked.of_all() if page_id == "app" else asked.of_page(page_id)
    return await page_acts.reset_limits(asked.desks.limits, page_id, asked.who)


def _many(act: PageAct) -> Callable[[Asked, Chosen], Awaitable[PagesDone]]:
    async def steer(asked: Asked, body: Chosen) -> PagesDone:
        return await page_acts.steer_pages(asked.desks.pages, _chosen(asked, body), act, asked.who)

    return steer


async def _breakers(asked: Asked, body: ChosenBreaker) -> PagesDone:
    return await page_acts.steer_pages(asked.desks.pages, _chosen(asked, body), PageAct(body.state), asked.who)


async def _limits(asked: Asked, body: ChosenLimit) -> PagesDone:
    _refuse_vain(body)
    pages = _chosen(asked, body)
    return await page_acts.set_limits(asked.desks.limits, pages, body.per_second, body.for_ms, asked.who)


async def _resets(asked: Asked, body: Chosen) -> PagesDone:
    return await page_acts.reset_many(asked.desks.limits, _chosen(asked, body), asked.who)


def _chosen(asked: Asked, body: Chosen) -> list[str]:
    pages = list(dict.fromkeys(body.pages))
    if body.expect is not None and body.expect != len(pages):
        raise BadParameter(f"pages names {len(pages)} pages, and expect says {body.expect}")
    for page_id in pages:
        asked.of_page(page_id)
    return pages


def _refuse_vain(body: Limit | ChosenLimit) -> None:
    if body.per_second is None and body.for_ms is not None:
        raise BadParameter("per_second null takes the limit off at once: leave for_ms out")


PAGE_ROUTES = (
    ActRoute(f"{PAGE}/pause", "Send nothing for a page until it is resumed", Nothing, PageDone, _pause),
    ActRoute(f"{PAGE}/resume", "End a page's pause, by hand or from Meta's answers", Nothing, PageDone, _resume),
    ActRoute(f"{PAGE}/breaker", "Open or close a page's breaker", Breaker, PageDone, _breaker),
    ActRoute(f"{PAGE}/limits", "Let another limit count for a page", Limit, LimitSet, _limit),
    ActRoute(f"{PAGE}/limits/reset", "End what rules have made of a page's speed", Nothing, LimitsReset, _reset),
    ActRoute(f"{PAGES}/pause", "Pause many pages", Chosen, PagesDone, _many(PageAct.PAUSE)),
    ActRoute(f"{PAGES}/resume", "Resume many pages", Chosen, PagesDone, _many(PageAct.RESUME)),
    ActRoute(f"{PAGES}/breaker", "Open or close many breakers", ChosenBreaker, PagesDone, _breakers),
    ActRoute(f"{PAGES}/limits", "Let another limit count for many pages", ChosenLimit, PagesDone, _limits),
    ActRoute(f"{PAGES}/limits/reset", "End what rules have made of many pages' speed", Chosen, PagesDone, _resets),
)
