"""Pages by hand: pause, breaker and limits, of one page or of many."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum

import msgspec

from ops.acts.not_done import NoSuch
from sender.queue.limit_queue import LimitQueue
from sender.queue.page_queue import PageQueue

UNKNOWN_NAMED = 100


class PageAct(StrEnum):
    """What is done to a page, as its script knows it."""

    PAUSE = "pause"
    RESUME = "resume"
    OPEN = "open"
    CLOSE = "close"


_DONE = {
    PageAct.PAUSE: "paused",
    PageAct.RESUME: "resumed",
    PageAct.OPEN: "breaker open",
    PageAct.CLOSE: "breaker closed",
}


class PageDone(msgspec.Struct, frozen=True):
    """What was done to a page."""

    page_id: str
    done: str


class PagesDone(msgspec.Struct, frozen=True):
    """What was done to many pages."""

    done: str
    pages: int
    """How many it was done to."""
    unknown: int
    """How many never had a run."""
    examples: list[str]
    """Some of the unknown ones."""


class LimitSet(msgspec.Struct, frozen=True):
    """A limit that a person has set."""

    page_id: str
    done: str
    per_second: float | None
    """None: the source's limit counts again, or the default."""
    for_ms: int | None
    """None: until it is changed."""


class LimitsReset(msgspec.Struct, frozen=True):
    """What rules had made of a page's speed, and is over."""

    page_id: str
    done: str
    lifted: list[str]
    """Of pace, hold, ceiling and pause."""


def unknown(page_id: str) -> NoSuch:
    """Return what is said of a page that nobody knows."""
    if page_id == "app":
        return NoSuch("app is no page: newar limits show says what slows the app down")
    return NoSuch(
        "page %(page)s never had a run, or none since the queue was emptied: newar page list shows those that had",
        page=page_id,
    )


async def pause_page(pages: PageQueue, page_id: str, who: str) -> PageDone:
    """Send nothing for a page until it is resumed. Errors (as below): NoSuch, redis.RedisError."""
    return await _steer(pages, page_id, PageAct.PAUSE, who)


async def resume_page(pages: PageQueue, page_id: str, who: str) -> PageDone:
    """End a page's pause, whether it was made by hand or came from Meta's answers."""
    return await _steer(pages, page_id, PageAct.RESUME, who)


async def open_breaker(pages: PageQueue, page_id: str, who: str) -> PageDone:
    """Open a page's breaker until it is closed by hand, whatever token comes meanwhile."""
    return await _steer(pages, page_id, PageAct.OPEN, who)


async def close_breaker(pages: PageQueue, page_id: str, who: str) -> PageDone:
    """Close a page's breaker and forget its failures."""
    return await _steer(pages, page_id, PageAct.CLOSE, who)


async def steer_pages(pages: PageQueue, page_ids: Sequence[str], act: PageAct, who: str) -> PagesDone:
    """Do the same to many pages, each named once; the audit trail has each, and of how many it is one.

    What was cut off half-way is finished by doing it again. Errors: redis.RedisError.
    """
    wanted = list(dict.fromkeys(page_ids))
    missing = await pages.steer_all(wanted, act, who, _one_of(wanted))
    return _many(_DONE[act], wanted, missing)


async def set_limit(
    limits: LimitQueue, page_id: str, per_second: float | None, for_ms: int | None, who: str
) -> LimitSet:
    """Let a limit of a person count for a page, instead of the source's and of the default; None takes it off."""
    if not await limits.set_limit(page_id, per_second, for_ms, who=who):
        raise unknown(page_id)
    return LimitSet(page_id, "set", per_second, for_ms)


async def set_limits(
    limits: LimitQueue, page_ids: Sequence[str], per_second: float | None, for_ms: int | None, who: str
) -> PagesDone:
    """Do that for many pages."""
    wanted = list(dict.fromkeys(page_ids))
    missing = await limits.set_limits(wanted, per_second, for_ms, who=who, detail=_one_of(wanted))
    return _many("set", wanted, missing)


async def reset_limits(limits: LimitQueue, page_id: str, who: str) -> LimitsReset:
    """End what rules have made of the speed of a page, or of `app`: slower pace, ceiling and pause."""
    lifted = await limits.reset(page_id, who=who)
    if lifted is None:
        raise unknown(page_id)
    return LimitsReset(page_id, "reset", lifted)


async def reset_many(limits: LimitQueue, page_ids: Sequence[str], who: str) -> PagesDone:
    """Do that for many pages."""
    wanted = list(dict.fromkeys(page_ids))
    pages = [page for page in wanted if page != "app"]
    lifted = await limits.reset_all(pages, who=who, detail=_one_of(wanted))
    return _many("reset", wanted, [page for page in wanted if lifted.get(page) is None])


async def _steer(pages: PageQueue, page_id: str, act: PageAct, who: str) -> PageDone:
    if await pages.steer_all([page_id], act, who):
        raise unknown(page_id)
    return PageDone(page_id, _DONE[act])


def _one_of(wanted: Sequence[str]) -> str:
    """Return what the audit trail says of each."""
    return f"one of {len(wanted)} pages"


def _many(done: str, wanted: Sequence[str], missing: Sequence[str]) -> PagesDone:
    return PagesDone(done, len(wanted) - len(missing), len(missing), list(missing[:UNKNOWN_NAMED]))
