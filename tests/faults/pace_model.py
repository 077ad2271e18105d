"""An exact model of a limit's clock and of a pace: lib/gcra.lua and lib/pace.lua written a second time. Times in us."""

from __future__ import annotations

import math
from dataclasses import dataclass

CLIMB_US = 6e6
BEYOND = 2
LOWEST = 0.02
FAR = 50
TEN_S = 10e6
NEVER = math.inf


def whole(number: float) -> float:
    """As the scripts' `int` writes a whole number."""
    return float(f"{number:.0f}")


def nearest(number: float) -> int:
    """As their `whole` does: a half goes up."""
    return math.floor(number + 0.5)


def stored(number: float) -> float:
    """As Lua's `tostring` writes one."""
    return float(f"{number:.14g}")


@dataclass
class Clock:
    """Of a lane, or of the app."""

    tat: float = 0
    cell: float = 0
    counted: float = 0
    before: float = 0
    from_us: float = 0
    limit: float = 0
    """What a share of is the pace."""

    def allowance(self, limit: float, now: float, batch: int) -> tuple[int, float, float, float]:
        """How many may go, the starting point, a message's time, the burst."""
        cell, burst = 1e6 / limit, max(limit / 10, 1.5, min(batch, limit))
        ahead = max(self.tat - now, 0)
        if self.cell > 0:
            ahead = ahead * cell / self.cell
        return math.floor((burst * cell - ahead) / cell + 1e-9), now + ahead, cell, burst

    def rate(self, now: float) -> float:
        """How many a second were let through lately."""
        since = now - self.from_us
        if since >= 2 * TEN_S or self.from_us == 0:
            return 0
        if since >= TEN_S:
            return self.counted * (2 - since / TEN_S) / 10
        if self.before > 0:
            return (self.counted + self.before * (1 - since / TEN_S)) / 10
        return self.counted * 1e6 / max(since, 1e6)

    def count_up(self, n: int, now: float) -> None:
        since = now - self.from_us
        if since >= TEN_S:
            self.before = self.counted if since < 2 * TEN_S else 0
            self.counted, self.from_us = 0, now
        self.counted += n

    def write(self, tat: float, cell: float, limit: float) -> None:
        self.tat, self.cell, self.limit = nearest(tat), cell, limit


@dataclass
class Pace:
    """How much slower than its limit a page, or the app, goes."""

    reached: float | None = None
    """At the last cut: a share of the page's limit, or the app's messages a second; None: at full speed."""
    cut_us: float = 0
    climbed_us: float = 0
    hold_until_us: float = 0
    factor: float = 0.7
    ceiling: float | None = None
    ceiling_base: float = 1
    ceiling_until_us: float = 0
    cut_share: float | None = None
    vain_share: float = 0
    vain_until_us: float = 0
    slowed: bool = False

    def climbed(self, now: float) -> float:
        return self.climbed_us + max(0, now - max(self.cut_us, self.hold_until_us))

    def growth(self, now: float) -> float:
        x = (self.climbed(now) - CLIMB_US) / CLIMB_US
        return 1 + (1 - self.factor if x < 0 else BEYOND) * x * x * x

    def ceiling_stands(self, now: float) -> bool:
        return self.ceiling_until_us > now

    def of_page(self, now: float) -> float:
        """The share of a page's limit that is left."""
        share = 1.0 if self.reached is None else min(1, self.reached * self.growth(now))
        if self.ceiling is not None and self.ceiling_stands(now):
            share = min(share, self.ceiling)
        return max(share, LOWEST)

    def of_app(self, limit: float, now: float) -> float:
        """The app's messages a second; infinite: no limit."""
        paced = limit if limit > 0 else NEVER
        if self.reached is not None and self.growth(now) < FAR:
            paced = min(paced, max(1, self.reached * self.growth(now)))
        if self.ceiling is not None and self.ceiling_stands(now):
            paced = min(paced, max(1, self.ceiling))
        return paced

    def cut(self, reached: float, left: float, factor: float, share: float, now: float, *, of_app: bool) -> None:
        """Begin the climb anew, from what is left of the rate: what got through."""
        if of_app:
            self.reached = stored(max(1, reached * left))
        else:
            self.reached = stored(max(LOWEST, min(reached, self.of_page(now)) * left))
        self.slowed, self.cut_us, self.climbed_us, self.hold_until_us = True, now, 0, now
        self.factor, self.cut_share = stored(factor), stored(share)

    def note_in_vain(self, share: float, now: float) -> None:
        self.vain_share, self.vain_until_us = stored(share), whole(now + 300e6)

    def stand_still(self, for_ms: float, now: float) -> None:
        """No climbing for a while; renewed when half of it is over."""
        if self.reached is not None and self.hold_until_us <= now + for_ms * 500:
            self.climbed_us, self.hold_until_us = whole(self.climbed(now)), whole(now + for_ms * 1000)

    def lower_ceiling(self, factor: float, for_ms: float, reached: float, now: float, *, of_app: bool) -> bool:
        """No faster than this for a while; True: that is lower than before."""
        stands, base, wanted = self.ceiling_stands(now), 1.0, factor
        if of_app:
            base = self.ceiling_base if stands else min(self.of_app(0, now), reached)
            if base == 0:
                return False
            wanted = max(1, base * factor)
        low_already = stands and self.ceiling is not None and self.ceiling <= wanted
        lower = self.ceiling is not None and self.ceiling < wanted
        if low_already and (lower or self.ceiling_until_us > now + for_ms * 500):
            return False
        self.slowed, self.ceiling, self.ceiling_base = True, stored(wanted), stored(base)
        self.ceiling_until_us = whole(now + for_ms * 1000)
        return not low_already

    def forget(self, now: float) -> None:
        """At a claim: what nothing is left of is forgotten."""
        climbs = self.reached is not None and (
            self.reached * self.growth(now) < 1 if not self.is_apps else self.growth(now) < FAR
        )
        if climbs or self.ceiling_stands(now):
            return
        self.reached, self.ceiling, self.cut_share, self.slowed = None, None, None, False
        self.climbed_us = self.hold_until_us = self.ceiling_until_us = 0
        self.factor, self.ceiling_base = 0.7, 1

    is_apps: bool = False
