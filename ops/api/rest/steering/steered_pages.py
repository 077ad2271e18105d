"""Steering pages: one, or many by their ids."""

from __future__ import annotations

import dataclasses
from collections.abc import Awaitable, Callable
from typing import Annotated, Literal

from msgspec import Meta, Struct
from msgspec.structs import replace

from ops.acts import page_acts
from ops.acts.not_done import ActRefused
from ops.acts.page_acts import LimitSet, LimitsReset, PageAct, PageDone, PagesDone
from ops.api.door.problems import BadParameter
from ops.api.rest.steering.act_route import ActRoute, Asked, Body, Nothing
from ops.board.pages.page_answers import PageWord
from ops.board.pages.page_orders import LONGEST_SEARCH, wanted

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


class PageFilter(Body, frozen=True, kw_only=True):
    """Which pages, as of the list of pages."""

    search: Annotated[str, Meta(max_length=LONGEST_SEARCH)] | None = None
    """In id or name, whatever its case."""
    state: PageWord | None = None


class Chosen(Body, frozen=True, kw_only=True):
    """The pages that something is done to."""

    pages: Annotated[list[PageId], Meta(min_length=1, max_length=MOST_PAGES)] | None = None
    """Their ids; or else:"""
    filter: PageFilter | None = None
    """All that match now."""
    expect: Annotated[int, Meta(ge=0)] | None = None
    """How many they are; with a filter it has to be said (`steerable` of the list), and must be so still."""


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
        return await page_acts.steer_pages(asked.desks.pages, await _chosen(asked, body), act, asked.who)

    return steer


async def _breakers(asked: Asked, body: ChosenBreaker) -> PagesDone:
    return await page_acts.steer_pages(asked.desks.pages, await _chosen(asked, body), PageAct(body.state), asked.who)


async def _limits(asked: Asked, body: ChosenLimit) -> PagesDone:
    _refuse_vain(body)
    pages = await _chosen(asked, body)
    return await page_acts.set_limits(asked.desks.limits, pages, body.per_second, body.for_ms, asked.who)


async def _resets(asked: Asked, body: Chosen) -> PagesDone:
    return await page_acts.reset_many(asked.desks.limits, await _chosen(asked, body), asked.who)


async def _chosen(asked: Asked, body: Chosen) -> list[str]:
    if (body.pages is None) == (body.filter is None):
        raise BadParameter("write either pages (a list of ids) or filter (search, state), with expect")
    if body.filter is not None:
        return await _matching(asked, body.filter, body.expect)
    pages = list(dict.fromkeys(body.pages or ()))
    if body.expect is not None and body.expect != len(pages):
        raise BadParameter(f"pages names {len(pages)} pages, and expect says {body.expect}")
    for page_id in pages:
        asked.of_page(page_id)
    return pages


async def _matching(asked: Asked, chosen: PageFilter, expect: int | None) -> list[str]:
    if expect is None:
        raise BadParameter("a filter goes with expect: how many pages match, as GET /api/v1/pages says (steerable)")
    want = wanted(chosen.search, chosen.state, None, asked.caller.pages)
    _name, order = await asked.parts.board.pages.matching(replace(want, steerable=True))
    if expect != len(order.page_ids):
        raise ActRefused(
            f"{len(order.page_ids)} pages match now, and expect says {expect}: nothing was done; look at them again"
        )
    return order.page_ids


def _refuse_vain(body: Limit | ChosenLimit) -> None:
    if body.per_second is None and body.for_ms is not None:
        raise BadParameter("per_second null takes the limit off at once: leave for_ms out")


def _seen_at_once(act: Callable[..., Awaitable[Struct]]) -> Callable[..., Awaitable[Struct]]:
    """Let who looks at the pages next see what was done to them."""

    async def seen(asked: Asked, body: Body, **names: str) -> Struct:
        try:
            return await act(asked, body, **names)
        finally:
            asked.parts.board.pages.forget()

    return seen


_CHOSEN = (frozenset({"pages"}), frozenset({"filter", "expect"}))
_ROUTES = (
    ActRoute(f"{PAGE}/pause", "Send nothing for a page until it is resumed", Nothing, PageDone, _pause),
    ActRoute(f"{PAGE}/resume", "End a page's pause, by hand or from Meta's answers", Nothing, PageDone, _resume),
    ActRoute(f"{PAGE}/breaker", "Open or close a page's breaker", Breaker, PageDone, _breaker),
    ActRoute(f"{PAGE}/limits", "Let another limit count for a page", Limit, LimitSet, _limit),
    ActRoute(f"{PAGE}/limits/reset", "End what rules have made of a page's speed", Nothing, LimitsReset, _reset),
    ActRoute(f"{PAGES}/pause", "Pause many pages", Chosen, PagesDone, _many(PageAct.PAUSE)),
    ActRoute(f"{PAGES}/resume", "Resume many pages", Chosen, PagesDone, _many(PageAct.RESUME)),
    ActRoute(f"{PAGES}/breaker", "Open or close many breakers", ChosenBreaker, PagesDone, _breakers),
    ActRoute(
        f"{PAGES}/limits", "Let another limit count for many pages", ChosenLimit, PagesDone, _limits, one_of=_CHOSEN
    ),
    ActRoute(
        f"{PAGES}/limits/reset",
        "End what rules have made of many pages' speed",
        Chosen,
        PagesDone,
        _resets,
        one_of=_CHOSEN,
    ),
)
PAGE_ROUTES = tuple(
    dataclasses.replace(route, do=_seen_at_once(route.do), one_of=_CHOSEN if issubclass(route.body, Chosen) else ())
    for route in _ROUTES
)
