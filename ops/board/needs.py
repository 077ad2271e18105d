"""What needs a person now, of what is known."""

from __future__ import annotations

from ops.board.board import Board
from ops.board.needs_you import NeedsAnswer, needs_you
from ops.board.reading import QueueUnreachable


async def needs(board: Board, pages: frozenset[str] | None = None) -> NeedsAnswer:
    """Return what needs a person, the urgent first. Never fails: what is away is one of them.

    `pages`: only these; None: all, and what is wrong with everything.
    """
    health = await board.health()
    try:
        seen = await board.summary()
    except QueueUnreachable:
        seen = None
    _history, registered = await board.registered()
    found = needs_you(seen, health, registered, pages, await board.dead_letters_there())
    names = await board.names.of({need.page_id for need in found if need.page_id})
    for need in found:
        need.page_name = names.get(need.page_id or "")
    return NeedsAnswer(needs=found)
