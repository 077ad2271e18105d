"""How large a request's body may be: small, but where much comes in."""

from __future__ import annotations

from typing import Any

from quart_trio.wrappers import TrioRequest

from ops.api.door.bodies import MOST_BYTES
from ops.api.door.uploads import PATHS, LongBody

USUAL = 64 * 1024


class CappedRequest(TrioRequest):
    """A request that is refused with 413 where its body is larger than its path has a use for."""

    def __init__(self, method: str, scheme: str, path: str, *args: Any, **options: Any) -> None:
        options["max_content_length"] = MOST_BYTES if path.startswith("/api/v1/") else USUAL
        super().__init__(method, scheme, path, *args, **options)
        if path in PATHS:  # which are read in parts, and see to it themselves
            self.body = LongBody()
