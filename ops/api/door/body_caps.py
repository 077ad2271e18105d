"""How large a request's body may be: small, but where recipients come in."""

from __future__ import annotations

from typing import Any

from quart_trio.wrappers import TrioRequest

USUAL = 64 * 1024
RECIPIENTS = 16 * 1024 * 1024
_WITH_RECIPIENTS = frozenset({"/api/v1/runs", "/admin/submit"})


class CappedRequest(TrioRequest):
    """A request that is refused with 413 where its body is larger than its path has a use for."""

    def __init__(self, method: str, scheme: str, path: str, *args: Any, **options: Any) -> None:
        options["max_content_length"] = RECIPIENTS if path in _WITH_RECIPIENTS else USUAL
        super().__init__(method, scheme, path, *args, **options)
