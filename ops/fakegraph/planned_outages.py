"""Outages by schedule, of one page or of everything: when, for how long, and what is answered meanwhile. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf

import msgspec

from ops.fakegraph.answer_names import named
from ops.fakegraph.answer_texts import Answer, Catalogue, Scope

EVERY = "*"
REFUSE = "refuse"
ANSWERS = frozenset({Scope.MESSAGE, Scope.WHOLE})


class OutageTold(msgspec.Struct, forbid_unknown_fields=True):
    """One outage, or one that comes again; times are seconds since it was told.

    Attributes:
        from_s: When it begins.
        for_s: How long it lasts.
        kind: The name of an answer (short: html502, empty, cut, no_answer, 613), or `refuse`: connections are refused.
        page: Whose messages it meets.
        every_s: It begins again after so many seconds, for good.
    """

    from_s: float
    for_s: float
    kind: str
    page: str = EVERY
    every_s: float | None = None


@dataclass(frozen=True, slots=True)
class PlannedOutage:
    """One that was understood; without `answer`, connections are refused."""

    from_s: float
    for_s: float
    page: str
    every_s: float | None
    answer: Answer | None

    def lasts_at(self, elapsed_s: float) -> bool:
        """Whether this moment lies in it."""
        since_s = elapsed_s - self.from_s
        if since_s < 0:
            return False
        return (since_s if self.every_s is None else since_s % self.every_s) < self.for_s


class PlannedOutages:
    """All of them, their times counted from `told_at_s`; of several at once the first that was told counts."""

    def __init__(self, outages: Sequence[PlannedOutage], told_at_s: float = 0.0) -> None:
        self._told_at_s = told_at_s
        self._answering = [outage for outage in outages if outage.answer is not None]
        self.refusing = [outage for outage in outages if outage.answer is None]

    def answer(self, page_id: str, now_s: float) -> Answer | None:
        """What every message to this page is answered now; None without an outage."""
        for outage in self._answering:
            if outage.page in (EVERY, page_id) and outage.lasts_at(now_s - self._told_at_s):
                return outage.answer
        return None

    def refuse(self, now_s: float) -> bool:
        """Whether connections are refused now."""
        return bool(self.refusing) and any(outage.lasts_at(now_s - self._told_at_s) for outage in self.refusing)


def read_planned_outages(
    catalogue: Catalogue, told: Sequence[OutageTold], now_s: float, problems: list[str]
) -> PlannedOutages:
    """The outages that were told; what is wrong with them is added to `problems`."""
    return PlannedOutages([_read(catalogue, one, f"outages[{i}]", problems) for i, one in enumerate(told)], now_s)


def _read(catalogue: Catalogue, told: OutageTold, where: str, problems: list[str]) -> PlannedOutage:
    if not (0 <= told.from_s < inf and 0 < told.for_s < inf):
        problems.append(f"{where}: from_s must be 0 or more and for_s above 0, both in seconds")
    if told.every_s is not None and not told.for_s < told.every_s < inf:
        problems.append(f"{where}: every_s must be longer than for_s; leave it out for an outage that comes once")
    if told.kind == REFUSE and told.page != EVERY:
        problems.append(f"{where}: connections are refused to all pages alike: leave out page")
    refused = told.kind == REFUSE
    answer = None if refused else named(catalogue, told.kind, ANSWERS, where, problems, REFUSE)
    return PlannedOutage(told.from_s, told.for_s, told.page, told.every_s, answer)
