"""How fairly pages of equal weight were served: shares, and when each had all of it, beside the ideal. Pure."""

from __future__ import annotations

import statistics
from dataclasses import dataclass, field

_PARTS = 10


@dataclass
class Served:
    """Who was served, in order; `first` is the page whose share is looked at."""

    first: str
    order: list[tuple[str, int]] = field(default_factory=list)
    """Page and number of jobs, as they were claimed."""
    done_s: dict[str, float] = field(default_factory=dict)
    """When the last job of a page was claimed."""
    done_at: dict[str, int] = field(default_factory=dict)
    """The same as the number of jobs of all pages that were claimed by then."""
    jobs: int = 0

    def add(self, page_id: str, jobs: int, at_s: float, *, ended: bool) -> None:
        """Note what one page was given; `ended`: it has nothing left."""
        self.order.append((page_id, jobs))
        self.jobs += jobs
        if ended:
            self.done_s[page_id], self.done_at[page_id] = at_s, self.jobs


@dataclass(frozen=True, kw_only=True)
class FairnessFigures:
    """What one round of one case showed."""

    jobs_per_s: float
    first_done_s: float
    """When the first, the middle and the last of the other pages had everything."""
    median_done_s: float
    last_done_s: float
    worst: float
    """By how much later than ideally the worst of them had everything, counted in jobs served: 1 is ideal."""
    share: float
    """Share of the first page until the others were done, or it was."""
    ideal_share: float
    shares: dict[str, float]
    """The same for each tenth of that."""
    done_s: dict[str, float]
    """When each page had everything."""


def judge(served: Served, jobs: dict[str, int]) -> FairnessFigures:
    """Return what this order means for pages with so many jobs each; the others must have had everything."""
    others = [page for page in jobs if page != served.first]
    ended = sorted(served.done_s[page] for page in others)
    seconds = max(served.done_s.values())
    together = min(served.done_at.values())  # from here on somebody has nothing left
    taken = _taken(served, together)
    return FairnessFigures(
        jobs_per_s=round(served.jobs / max(seconds, 1e-9), 1),
        first_done_s=round(ended[0], 2),
        median_done_s=round(statistics.median(ended), 2),
        last_done_s=round(ended[-1], 2),
        worst=round(max(served.done_at[page] / _ideal(jobs, page) for page in others), 3),
        share=round(sum(taken) / together, 4),
        ideal_share=round(1 / len(jobs), 4),
        shares={f"{n + 1}/{_PARTS}": round(part * _PARTS / together, 4) for n, part in enumerate(taken)},
        done_s={page: round(at_s, 2) for page, at_s in served.done_s.items()},
    )


def _ideal(jobs: dict[str, int], page: str) -> int:
    """Jobs of all pages that are served when this page has everything, if all are served alike."""
    return sum(min(each, jobs[page]) for each in jobs.values())


def _taken(served: Served, together: int) -> list[int]:
    """What the first page was given in each tenth of the first `together` jobs; a group counts where it begins."""
    taken, position = [0] * _PARTS, 0
    for page, jobs in served.order:
        if position >= together:
            break
        if page == served.first:
            taken[position * _PARTS // together] += min(jobs, together - position)
        position += jobs
    return taken
