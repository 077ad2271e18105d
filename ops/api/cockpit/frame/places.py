"""Where everything of the cockpit is: addresses, and the places that the navigation names."""

from __future__ import annotations

import re
from typing import NamedTuple
from urllib.parse import quote, urlencode

from ops.access.caller import Caller, Role
from schema.text import N_

ADMIN = "/admin"
_OURS = re.compile(r"/admin(?:[/?][!-\[\]-~]{0,2000})?")
"""Addresses of the cockpit: without a backslash, which browsers take for a slash."""
_UPWARDS = re.compile(r"/(?:\.|%2e){1,2}(?=/|$)", re.IGNORECASE)
"""A step that browsers take out of a path, with what stands before it: https://url.spec.whatwg.org/#double-dot-path-segment."""


class Place(NamedTuple):
    """One that the navigation names."""

    name: str
    word: str
    address: str
    role: Role = Role.VIEWER
    of_all: bool = False
    """Whether it is for those alone who may see every page."""

    def is_for(self, caller: Caller | None) -> bool:
        """Tell whether somebody may go there; who is not known yet is shown all."""
        return caller is None or (caller.role >= self.role and (caller.pages is None or not self.of_all))


PLACES = (
    Place("overview", N_("Overview"), ADMIN),
    Place("runs", N_("Runs"), f"{ADMIN}/runs"),
    Place("pages", N_("Pages"), f"{ADMIN}/pages"),
    Place("log", N_("Log"), f"{ADMIN}/log"),
    Place("suppressions", N_("Suppressions"), f"{ADMIN}/suppressions"),
    Place("audit", N_("Audit"), f"{ADMIN}/audit"),
    Place("users", N_("Users"), f"{ADMIN}/users", Role.ADMIN, of_all=True),
)


def run_address(run_id: str, act: str = "") -> str:
    """Return where a run is, or an act on it. Ids may hold slashes, so what is behind one is always of the id."""
    return f"{ADMIN}/act/run/{act}/{_path(run_id)}" if act else f"{ADMIN}/runs/{_path(run_id)}"


def run_route(act: str) -> str:
    """Return what the router must know of an act on a run."""
    return f"{ADMIN}/act/run/{act}/<path:run_id>"


def page_address(page_id: str, act: str = "") -> str:
    """Return where a page is, or an act on it."""
    return f"{ADMIN}/act/page/{act}/{_part(page_id)}" if act else f"{ADMIN}/pages/{_part(page_id)}"


def person_address(psid: str) -> str:
    """Return where a person is."""
    return f"{ADMIN}/people/{_part(psid)}"


def job_address(run_id: str, psid: str) -> str:
    """Return where a job is."""
    return f"{ADMIN}/jobs/{_path(run_id)}/{_part(psid)}"


def with_query(address: str, **query: str | int | None) -> str:
    """Return an address with those parameters that have a value."""
    given = {name: value for name, value in query.items() if value not in (None, "")}
    return f"{address}?{urlencode(given)}" if given else address


def inside(address: str) -> str:
    """Return an address that browsers take for one of the cockpit; whatever else is given becomes the overview."""
    path = re.split("[?#]", address, maxsplit=1)[0]
    return address if _OURS.fullmatch(address) and not _UPWARDS.search(path) else ADMIN


def _part(text: str) -> str:
    return quote(text, safe="")


def _path(text: str) -> str:
    """Return an id as a path. Browsers take `..` for the way up, however it is written, but not beside `%2F`."""
    leads_elsewhere = any(part in (".", "..") for part in text.split("/"))
    return quote(text, safe="" if leads_elsewhere else "/")
