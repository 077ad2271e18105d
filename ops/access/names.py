"""What users and keys may be called, and which pages they may see. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable

import msgspec

from ops.access.caller import Role

LONGEST = 64
MOST_PAGES = 10_000
_NAME = re.compile(rf"[A-Za-z0-9.@_+-]{{1,{LONGEST}}}")
_PAGE = re.compile(r"[!-~]{1,128}")


class BadName(Exception):
    """A name, role or page cannot be used; the text says what to write."""


class Known(msgspec.Struct, frozen=True, kw_only=True):
    """A user or a key, as far as it counts for what they may do."""

    name: str
    role: Role
    pages: frozenset[str] | None
    """None: every page."""


def checked_name(name: str) -> str:
    """Return the name.

    Raises:
        BadName: it has other characters than it may.
    """
    if not _NAME.fullmatch(name):
        raise BadName(f"a name has 1 to {LONGEST} of these: letters without accents, digits, . @ _ + -")
    return name


def checked_pages(pages: Iterable[str] | None) -> list[str] | None:
    """Return the pages in order, each once; none at all means every page.

    Raises:
        BadName: one of them cannot be a page, or there are too many.
    """
    found = sorted(set(pages or ()))
    if bad := next((page for page in found if not _PAGE.fullmatch(page)), None):
        raise BadName(f"{bad[:40]!r} is no page's number")
    if len(found) > MOST_PAGES:
        raise BadName(f"more than {MOST_PAGES} pages: leave them out, which means every page")
    return found or None


def role_named(name: str) -> Role:
    """Return the role that the database or a person calls so.

    Raises:
        BadName: there is no such role.
    """
    try:
        return Role[name.upper()]
    except KeyError:
        raise BadName("a role is one of viewer, operator, admin") from None


def known(name: str, role: str, pages: list[str] | None) -> Known:
    """Return what a row of the database says."""
    return Known(name=name, role=role_named(role), pages=None if pages is None else frozenset(pages))


def may(role: Role, pages: Iterable[str] | None) -> str:
    """Return in words what somebody may, for the audit trail."""
    listed = list(pages or ())
    more = f" and {len(listed) - 10} more" if len(listed) > 10 else ""
    return role.name.lower() + (f", pages {' '.join(listed[:10])}{more}" if listed else "")
