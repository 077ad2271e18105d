"""Which dead letters a command means: its options."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated

import typer

from ingest.mending.dead_letters import Place
from ops.shell.times import since as since_when

OfReason = Annotated[
    str | None, typer.Option("--reason", metavar="TEXT", help="Only those whose reason contains this.")
]
Since = Annotated[
    datetime | None,
    typer.Option(parser=since_when, metavar="TIME|MOMENT", help="Only those that came in since: 2h, 3d or a moment."),
]
OfPartition = Annotated[int | None, typer.Option("--partition", min=0, max=2**31 - 1, help="Only this partition's.")]


def places_of(texts: Sequence[str]) -> tuple[Place, ...]:
    """Read places as they were copied from a list.

    Raises:
        typer.BadParameter: naming the one that is none.
    """
    try:
        return tuple(Place.read(text) for text in texts)
    except ValueError as exc:
        raise typer.BadParameter(str(exc), param_hint="PLACE") from None


def storable(text: str | None, option: str) -> str | None:
    """Return a text that the database can be asked for.

    Raises:
        typer.BadParameter: it cannot.
    """
    if text is not None and ("\0" in text or any("\ud800" <= c <= "\udfff" for c in text)):
        raise typer.BadParameter("holds a NUL character, or bytes that are no UTF-8", param_hint=option)
    return text
