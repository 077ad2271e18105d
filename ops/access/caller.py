"""Who asks, and what they may."""

from __future__ import annotations

from enum import IntEnum

import msgspec


class Role(IntEnum):
    """What somebody may do; each may also do what those before it may."""

    VIEWER = 1
    """Look."""
    OPERATOR = 2
    """Steer: runs, pages, everything; send; suppress."""
    ADMIN = 3
    """Say who may come in."""


class Caller(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody whose request is being answered."""

    name: str
    """As the audit trail names them: a user, `key:NAME`, the setting whose token was sent, or `anybody`."""
    role: Role
    where: str
    """The address that they come from."""
    pages: frozenset[str] | None = None
    """Pages that they may see and steer; None: all of them."""
    by_cookie: bool = False
    """Whether a browser says so by itself: then what they do needs more proof."""

    @property
    def who(self) -> str:
        """The person and the place, as the audit trail has them of commands too."""
        return f"{self.name}@{self.where}"

    def may_see(self, page_id: str) -> bool:
        """Tell whether a page is theirs to look at, and to steer if their role lets them."""
        return self.pages is None or page_id in self.pages
