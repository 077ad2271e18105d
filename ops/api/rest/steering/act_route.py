"""What a route that changes something is made of."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import msgspec

from ops.access.caller import Caller, Role
from ops.acts.desks import Desks
from ops.api.door.who_asks import demand, demand_every_page
from ops.api.door.whose_run import demand_run
from ops.api.parts import Parts


class Body(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a request says; a misspelt field is refused, since it would be as if it were not there."""


class Nothing(Body, frozen=True, kw_only=True):
    """A request that says all in its address."""


@dataclass(frozen=True)
class Asked:
    """One request, and what it takes to answer it."""

    parts: Parts
    caller: Caller
    name: str | None
    """Of this request and no other; None: the client made no key for it."""

    @property
    def desks(self) -> Desks:
        """Where acts take place."""
        return self.parts.desks

    @property
    def who(self) -> str:
        """For the audit trail."""
        return self.caller.who

    def of_page(self, page_id: str) -> None:
        """See that the caller may steer this page. Raises Forbidden."""
        demand(Role.OPERATOR, page_id=page_id)

    def of_all(self) -> None:
        """See that the caller may steer all pages. Raises Forbidden."""
        demand_every_page()

    async def of_run(self, run_id: str) -> None:
        """See that the caller may steer this run. Raises NoSuch, Forbidden."""
        await demand_run(self.desks.runs, run_id)


@dataclass(frozen=True)
class ActRoute:
    """An address that is answered by an act."""

    path: str
    summary: str
    body: type[Body]
    answer: type[msgspec.Struct]
    do: Callable[..., Awaitable[msgspec.Struct]]
    """Gets Asked, the body, and the names in the path."""
    about: str = ""
    one_of: tuple[frozenset[str], ...] = ()
    """Of the body: it has the fields of one of these, and of no other."""
