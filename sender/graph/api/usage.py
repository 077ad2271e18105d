"""What the usage headers of an answer say, for its page and for the app; what follows is decided elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    import httpx  # commands that explain rules need none of it

LONGEST_REGAIN_S = 24 * 3600
"""The longest window over which Meta counts; a header that says more is not believed."""
LONGEST_RETRY_AFTER_S = 3600
MOST_PERCENT = 10_000.0
"""Meta was seen to say 125; a counter beyond this is a mistake, and would stop a page for nothing."""

HeaderOf = Callable[[bytes], bytes | None]
"""Looks a header up by its name in lower case."""
_UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)


def header_of(response: httpx.Response) -> HeaderOf:
    """Return the look-up in an answer's headers as they came; of several with one name the first counts."""
    return {name.lower(): value for name, value in reversed(response.headers.raw)}.get


class Usage(msgspec.Struct, frozen=True, kw_only=True):
    """The worst pool of the page and of the app that an answer names (platform facts 3.2); 0 where it names none."""

    page_percent: float = 0.0
    """Highest of all counters of X-Business-Use-Case-Usage and X-Page-Usage; throttling begins at 100."""
    app_percent: float = 0.0
    """The same of X-App-Usage."""
    page_regain_s: int = 0
    """Longest time until access returns; 0 does not mean "go"."""
    app_regain_s: int = 0
    retry_after_s: int | None = None
    malformed: int = 0
    """How many of the headers could not be read, or only in part."""

    @property
    def percent(self) -> float:
        """The worst of both."""
        return max(self.page_percent, self.app_percent)

    @property
    def regain_s(self) -> int:
        """The longer of both."""
        return max(self.page_regain_s, self.app_regain_s)

    def worse_of(self, other: Usage) -> Usage:
        """Return the worse of both, counter by counter; `malformed` is added up."""
        return Usage(
            page_percent=max(self.page_percent, other.page_percent),
            app_percent=max(self.app_percent, other.app_percent),
            page_regain_s=max(self.page_regain_s, other.page_regain_s),
            app_regain_s=max(self.app_regain_s, other.app_regain_s),
            retry_after_s=max((s for s in (self.retry_after_s, other.retry_after_s) if s is not None), default=None),
            malformed=self.malformed + other.malformed,
        )


class _Pool(msgspec.Struct):
    call_count: float = 0.0
    total_cputime: float = 0.0
    total_time: float = 0.0
    estimated_time_to_regain_access: float = 0.0
    """In minutes."""


_pool = msgspec.json.Decoder(_Pool)
_pools = msgspec.json.Decoder(dict[str, list[_Pool]])
_by_name = msgspec.json.Decoder(dict[str, msgspec.Raw])
_in_order = msgspec.json.Decoder(list[msgspec.Raw])


def read_usage(header: HeaderOf) -> Usage | None:
    """Return what the headers of an answer say, None when they say nothing.

    What is malformed is counted and passed over, counter by counter: it hides none of the others.
    """
    by_business = header(b"x-business-use-case-usage")
    of_app = header(b"x-app-usage")
    of_page = header(b"x-page-usage")
    retry_after = header(b"retry-after")
    if by_business is None and of_app is None and of_page is None and retry_after is None:
        return None
    page, app = _Worst(), _Worst()
    if by_business is not None:
        page.add_business(by_business)
    if of_page is not None:
        page.add_object(of_page)
    if of_app is not None:
        app.add_object(of_app)
    return Usage(
        page_percent=page.percent,
        app_percent=app.percent,
        page_regain_s=int(min(page.regain_min * 60, LONGEST_REGAIN_S)),
        app_regain_s=int(min(app.regain_min * 60, LONGEST_REGAIN_S)),
        retry_after_s=None if retry_after is None else _seconds(retry_after),
        malformed=page.malformed + app.malformed,
    )


class _Worst:
    """The highest counters of what is added."""

    def __init__(self) -> None:
        self.percent = 0.0
        self.regain_min = 0.0
        self.malformed = 0

    def add_business(self, text: bytes) -> None:
        """Add all pools of a header that names several owners, each with a list."""
        try:
            pools: Iterable[_Pool | None] = [pool for listed in _pools.decode(text).values() for pool in listed]
        except _UNREADABLE:
            pools = _each_pool(text)
        self._add(pools)

    def add_object(self, text: bytes) -> None:
        """Add the pool of a header that names no owner."""
        try:
            pools: Iterable[_Pool | None] = (_pool.decode(text),)
        except _UNREADABLE:
            pools = _loosely(text)
        self._add(pools)

    def _add(self, pools: Iterable[_Pool | None]) -> None:
        sound = True
        for pool in pools:
            if pool is None:
                sound = False
                continue
            for percent in (pool.call_count, pool.total_cputime, pool.total_time):
                if 0 <= percent <= MOST_PERCENT:
                    self.percent = max(self.percent, percent)
                else:
                    sound = False
            if pool.estimated_time_to_regain_access >= 0:
                self.regain_min = max(self.regain_min, pool.estimated_time_to_regain_access)
            else:
                sound = False
        self.malformed += not sound


def _each_pool(text: bytes) -> Iterator[_Pool | None]:
    """Yield every pool that can be read, and None for each piece that cannot."""
    try:
        owners = _by_name.decode(text)
    except _UNREADABLE:
        yield None
        return
    for listed in owners.values():
        try:
            found = _in_order.decode(listed)
        except _UNREADABLE:
            yield None
            continue
        for pool in found:
            yield from _loosely(pool)


def _loosely(text: bytes | msgspec.Raw) -> Iterator[_Pool | None]:
    """Yield a pool with those of its counters that can be read, numbers in quotes too, and None for the others."""
    try:
        fields = _by_name.decode(text)
    except _UNREADABLE:
        yield None
        return
    numbers = {name: _number(fields[name]) for name in _Pool.__struct_fields__ if name in fields}
    yield _Pool(**{name: number for name, number in numbers.items() if number is not None})
    if None in numbers.values():
        yield None


def _number(raw: msgspec.Raw) -> float | None:
    try:
        value = msgspec.json.decode(raw)
    except _UNREADABLE:
        return None
    if value is None:
        return 0.0  # not said
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        return float(value)
    except (ValueError, OverflowError):
        return None


def _seconds(retry_after: bytes) -> int | None:
    """Only the form in seconds: neither form was ever seen from Graph (platform facts 3.2)."""
    text = retry_after.strip()
    return min(int(text[:12]), LONGEST_RETRY_AFTER_S) if text.isdigit() else None
