"""One rule: which answers it concerns, when it acts, and what it does. Reading files and finding rules is elsewhere."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

import msgspec

from schema.outcomes import ErrorClass

Scope = Literal["recipient", "run", "page", "app"]
Pool = Literal["page", "app"]
RecipientAction = Literal["retry", "fail", "suppress", "delay"]
RunAction = Literal["brake"]
PageAction = Literal["pause", "pace", "ceiling", "hold_pace", "breaker"]
"""Of a page, or of the app."""
Action = Literal[RecipientAction, RunAction, PageAction]

_encode = msgspec.msgpack.Encoder().encode


class Rule(msgspec.Struct, frozen=True, kw_only=True):
    """A row of the table, checked: `rule_rows` has what can be combined. All conditions of a rule must fit an answer.

    With neither `count` nor `in_a_row` it acts at once, on each answer that fits.
    """

    name: str
    scope: Scope
    action: Action

    error_class: ErrorClass | None = None
    codes: frozenset[int] = frozenset()
    """One of them; empty: any, or none."""
    subcodes: frozenset[int] = frozenset()
    unless_codes: frozenset[int] = frozenset()
    unless_subcodes: frozenset[int] = frozenset()
    text: str = ""
    """A piece of the error's message, in lower case."""
    pool: Pool | None = None
    """Whose usage counts for the two below."""
    usage_at_least: float | None = None
    """Percent; an answer without a header never fits."""
    usage_below: float | None = None
    """Percent; an answer without a header fits."""

    count: int = 0
    """How many of the last `of` answers (of a run: first attempts) must be of the kind of the answer that fits."""
    of: int = 0
    share: float = 0.0
    """Besides, more than this share of the last `of`, or of as many as there were."""
    in_a_row: int = 0
    """So many answers of that kind with none of another between."""

    for_ms: int = 0
    """How long; 0: until a person ends it (`brake`), or the program's own time (`retry`)."""
    longest_ms: int = 0
    """What repeats doubles `for_ms` up to this. Never less than `for_ms`."""
    factor: float = 1.0
    """`pace`: cut to this share of the rate reached. `ceiling`: the share of the limit that is left."""
    times: int = 0
    """`retry`: how often one recipient's message is tried again."""
    source: str = ""
    """Where the platform facts say so."""

    @property
    def at_once(self) -> bool:
        """Whether a single answer is enough."""
        return not self.count and not self.in_a_row

    @property
    def answers(self) -> tuple[object, ...]:
        """All conditions together: rules with equal ones concern the same answers."""
        codes = (self.codes, self.subcodes, self.unless_codes, self.unless_subcodes)
        return (self.error_class, *codes, self.text, self.pool, self.usage_at_least, self.usage_below)


def pack(rules: Iterable[Rule]) -> bytes:
    """Return rules for the queue's scripts: a MessagePack list with a list of ten for each.

    Each is name, scope, action, count, of, share, in_a_row, for_ms, longest_ms, factor. How many answers of a kind
    there were, over all processes, the queue knows; which rules an answer fits was found before.
    """
    return _encode(
        [
            [r.name, r.scope, r.action, r.count, r.of, r.share, r.in_a_row, r.for_ms, r.longest_ms, r.factor]
            for r in rules
        ]
    )
