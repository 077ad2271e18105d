"""Which pages a list shows, and in which order; one that people go through is kept. Time is passed in."""

from __future__ import annotations

import secrets
from collections import Counter
from collections.abc import Callable, Mapping
from typing import NamedTuple

import msgspec

from ops.board.pages.page_answers import SORTS, STATES, PageWord, Sort
from ops.board.pages.page_reading import SeenPage, SeenPages
from ops.board.suppressions import BadFilter

KEPT_FOR_S = 900.0
"""After it was asked for the last time."""
SAME_FOR_S = 5.0
MOST_KEPT = 1000
MOST_IDS = 1_000_000
"""Ids in all orders together, some 8 MB of them; the oldest order is forgotten then."""
LONGEST_SEARCH = 200
_TROUBLE_FIRST: tuple[PageWord, ...] = ("breaker", "paused", "throttled", "unknown", "waiting", "sending", "idle")
_GONE = "this list is no longer kept: begin it again, without after"
_Key = tuple[object, ...]


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """What somebody wants to see."""

    search: str = ""
    """In id or name, whatever its case."""
    state: PageWord | None = None
    sort: Sort = "trouble"
    only: frozenset[str] | None = None
    """Pages that they may see; None: all."""
    steerable: bool = False
    """Only those that the queue knows: to no others can anything be done."""


class Order(msgspec.Struct, frozen=True):
    """Pages in the order that somebody goes through."""

    wanted: Wanted
    page_ids: list[str]
    states: dict[str, int]
    """Of how many each state is true, of those that the search finds."""
    steerable: int = 0
    """How many of the pages the queue knows."""


def wanted(search: str | None, state: str | None, sort: str | None, only: frozenset[str] | None) -> Wanted:
    """Return what these parameters want.

    Raises:
        BadFilter: naming all that cannot be used.
    """
    problems = []
    if len(search or "") > LONGEST_SEARCH:
        problems.append(f"search is longer than {LONGEST_SEARCH} characters")
    known_state = next((word for word in STATES if word == state), None)
    if state and known_state is None:
        problems.append(f"state must be one of {', '.join(STATES)}")
    known_sort = next((word for word in SORTS if word == (sort or "trouble")), None)
    if known_sort is None:
        problems.append(f"sort must be one of {', '.join(SORTS)}")
    if problems or known_sort is None:
        raise BadFilter("; ".join(problems))
    return Wanted(search=(search or "").strip().casefold(), state=known_state, sort=known_sort, only=only)


def ordered(seen: SeenPages, want: Wanted) -> Order:
    """Return the pages that match, in order."""
    found = [page for page in seen.pages.values() if want.search in page.words]
    if want.only is not None:
        found = [page for page in found if page.look.page_id in want.only]
    states = Counter(word for page in found for word in page.states)
    if want.state is not None:
        found = [page for page in found if want.state in page.states]
    steerable = sum(page.is_known for page in found)
    if want.steerable and steerable < len(found):
        found = [page for page in found if page.is_known]
    found.sort(key=_KEYS[want.sort])
    return Order(want, [page.look.page_id for page in found], {word: states[word] for word in STATES}, steerable)


class _Kept(NamedTuple):
    order: Order
    made_at: float
    until: float


class Orders:
    """Those that somebody is going through, by a name that nobody guesses."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._kept: dict[str, _Kept] = {}
        """Whoever was asked for last comes last."""

    def keep(self, order: Order) -> str:
        """Keep an order; return its name. Who asks for the same soon after one another goes through the same."""
        now = self._clock()
        for name, one in self._kept.items():
            if one.order.wanted == order.wanted and now - one.made_at < SAME_FOR_S:
                return name
        name = secrets.token_urlsafe(9)
        self._kept[name] = _Kept(order, now, now + KEPT_FOR_S)
        ids = sum(len(one.order.page_ids) for one in self._kept.values())
        for old, one in list(self._kept.items())[:-1]:
            if one.until >= now and ids <= MOST_IDS and len(self._kept) <= MOST_KEPT:
                break
            ids -= len(one.order.page_ids)
            del self._kept[old]
        return name

    def find(self, name: str, want: Wanted) -> Order:
        """Return an order that is kept, which is kept anew.

        Raises:
            BadFilter: it is not kept, or was made of another wish.
        """
        one = self._kept.get(name)
        if one is None or one.until < self._clock():
            raise BadFilter(_GONE)
        if one.order.wanted != want:
            raise BadFilter("after belongs to a list with another search, state or sort: begin this one without it")
        del self._kept[name]
        self._kept[name] = one._replace(until=self._clock() + KEPT_FOR_S)
        return one.order


def place(after: str) -> tuple[str, int]:
    """Read the `next` of a former answer: an order's name, and how many pages of it came before.

    Raises:
        BadFilter: it is none.
    """
    name, _, number = after.rpartition(".")
    if not (name and number.isascii() and number.isdigit() and len(number) < 10):
        raise BadFilter("after must be the `next` of a former answer")
    return name, int(number)


def _by_trouble(page: SeenPage) -> _Key:
    if not page.is_known:  # trouble while runs of it go on: their queue was lost
        return _TROUBLE_FIRST.index("unknown" if page.runs else "idle"), -page.runs, page.look.page_id
    return _TROUBLE_FIRST.index(page.state), -page.backlog, page.look.page_id


def _by_name(page: SeenPage) -> _Key:
    return not page.look.name, page.look.name.casefold(), page.look.page_id


def _by_backlog(page: SeenPage) -> _Key:
    return -page.backlog, page.look.page_id


def _by_age(page: SeenPage) -> _Key:
    first_ms = page.look.oldest_ms if page.may_go else 0
    return first_ms or float("inf"), page.look.page_id


def _by_rate(page: SeenPage) -> _Key:
    return -page.rate, page.look.page_id


_KEYS: Mapping[Sort, Callable[[SeenPage], _Key]] = {
    "trouble": _by_trouble,
    "name": _by_name,
    "backlog": _by_backlog,
    "age": _by_age,
    "rate": _by_rate,
}
