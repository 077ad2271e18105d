"""What the usage headers of an answer say: the worst pool and the time to wait; what follows is decided elsewhere."""

from __future__ import annotations

from collections.abc import Callable

import httpx
import msgspec

LONGEST_REGAIN_S = 24 * 3600
"""The longest window over which Meta counts; a header that says more is not believed."""
LONGEST_RETRY_AFTER_S = 3600

HeaderOf = Callable[[bytes], bytes | None]
"""Looks a header up by its name in lower case."""


def header_of(response: httpx.Response) -> HeaderOf:
    """Return the look-up in an answer's headers as they came; of several with one name the first counts."""
    return {name.lower(): value for name, value in reversed(response.headers.raw)}.get


class Usage(msgspec.Struct, frozen=True):
    """The worst of all pools that an answer names (platform facts 3.2)."""

    percent: float = 0.0
    """Highest of all counters, of the allowance; throttling begins at 100."""
    regain_s: int = 0
    """Longest time until access returns; 0 does not mean "go"."""
    retry_after_s: int | None = None


class _Pool(msgspec.Struct):
    call_count: float = 0.0
    total_cputime: float = 0.0
    total_time: float = 0.0
    estimated_time_to_regain_access: float = 0.0
    """In minutes."""


_pool = msgspec.json.Decoder(_Pool)
_pools = msgspec.json.Decoder(dict[str, list[_Pool]])


def read_usage(header: HeaderOf) -> Usage | None:
    """Return what the headers of an answer say, None when they say nothing. Malformed ones are passed over."""
    by_business = header(b"x-business-use-case-usage")
    of_app = header(b"x-app-usage")
    of_page = header(b"x-page-usage")
    retry_after = header(b"retry-after")
    if by_business is None and of_app is None and of_page is None and retry_after is None:
        return None
    percent = regain_min = 0.0
    for pool in _read_pools(by_business, of_app, of_page):
        percent = max(percent, pool.call_count, pool.total_cputime, pool.total_time)
        regain_min = max(regain_min, pool.estimated_time_to_regain_access)
    return Usage(
        percent=percent,
        regain_s=int(min(regain_min * 60, LONGEST_REGAIN_S)),
        retry_after_s=None if retry_after is None else _seconds(retry_after),
    )


def _read_pools(by_business: bytes | None, of_app: bytes | None, of_page: bytes | None) -> list[_Pool]:
    pools: list[_Pool] = []
    if by_business is not None:
        try:
            for listed in _pools.decode(by_business).values():
                pools += listed
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            pass
    for text in (of_app, of_page):
        if text is not None:
            try:
                pools.append(_pool.decode(text))
            except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
                continue
    return pools


def _seconds(retry_after: bytes) -> int | None:
    """Only the form in seconds: neither form was ever seen from Graph (platform facts 3.2)."""
    text = retry_after.strip()
    return min(int(text[:12]), LONGEST_RETRY_AFTER_S) if text.isdigit() else None
