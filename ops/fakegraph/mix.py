"""Which answer the next message gets and how long it takes: seeded draws, no clock and no socket."""

from bisect import bisect
from collections import deque
from collections.abc import Iterable, Mapping
from itertools import accumulate
from math import exp, log
from random import Random

from ops.fakegraph.answer_texts import Answer, Catalogue, Scope
from ops.fakegraph.options import FakeGraphUsageError

Z_P99 = 2.3263478740408408  # the 99th percentile of the standard normal distribution

# What a broadcast usually meets: mostly closed windows, then people who are gone.
USUAL_FAILURES = {
    "window_closed_2018278": 0.5,
    "recipient_unavailable_551": 0.2,
    "recipient_cannot_receive_2018108": 0.15,
    "recipient_unknown_2018001": 0.1,
    "thread_in_automated_flow_2018321": 0.05,
}
SINGLE = frozenset({Scope.MESSAGE, Scope.WHOLE})
BATCH = frozenset({Scope.WHOLE, Scope.BATCH})
MEMBER = frozenset({Scope.MESSAGE, Scope.MEMBER})


class ErrorMix:
    """Draws answers at their rates; `upcoming` answers go first, in order.

    Args:
        catalogue: All answers by name.
        rates: Rate (0 to 1) by name; together at most 1. The rest of the draws is no error.
        failure_rate: Rate of `USUAL_FAILURES`, added to `rates`.
        random: Where the draws come from.

    Raises:
        FakeGraphUsageError: An unknown name (all names are listed), or rates beyond 1.
    """

    def __init__(self, catalogue: Catalogue, rates: Mapping[str, float], failure_rate: float, random: Random) -> None:
        self.upcoming: deque[Answer] = deque()
        self._random = random.random
        together = dict(rates)
        for name, share in USUAL_FAILURES.items():
            together[name] = together.get(name, 0.0) + share * failure_rate
        self.rates = {name: rate for name, rate in together.items() if rate}
        if any(not 0 <= rate <= 1 for rate in together.values()) or sum(together.values()) > 1 + 1e-9:
            raise FakeGraphUsageError("each error rate must be 0 to 1, and all together at most 1")
        answers = drawable(catalogue, self.rates)
        self._tables = {scopes: self._table(answers, scopes) for scopes in (SINGLE, BATCH, MEMBER)}

    def draw(self, scopes: frozenset[Scope]) -> Answer | None:
        """The next answer for a message (`SINGLE`, `MEMBER`) or a whole batch (`BATCH`); None: no error."""
        if self.upcoming and self.upcoming[0].scope in scopes:
            return self.upcoming.popleft()
        answers, bounds = self._tables[scopes]
        if not bounds or (drawn := self._random()) >= bounds[-1]:
            return None
        return answers[bisect(bounds, drawn)]

    def _table(self, answers: Iterable[Answer], scopes: frozenset[Scope]) -> tuple[list[Answer], list[float]]:
        chosen = [answer for answer in answers if answer.scope in scopes]
        return chosen, list(accumulate(self.rates[answer.name] for answer in chosen))


def drawable(catalogue: Catalogue, names: Iterable[str]) -> list[Answer]:
    """The answers with these names.

    Raises:
        FakeGraphUsageError: A name that does not exist or cannot be drawn; the text lists those that can.
    """
    known = [name for name, answer in catalogue.items() if answer.scope is not Scope.NEVER]
    unknown = [name for name in names if name not in known]
    if unknown:
        raise FakeGraphUsageError(f"no answer is named {', '.join(unknown)}; there are: {', '.join(known)}")
    return [catalogue[name] for name in names]


class Latency:
    """Log-normal latency through a median and a 99th percentile; constant without the latter.

    Raises:
        FakeGraphUsageError: A negative latency, or a 99th percentile below the median.
    """

    def __init__(self, median_ms: float, p99_ms: float | None, random: Random) -> None:
        if median_ms < 0 or (p99_ms is not None and (p99_ms < median_ms or median_ms == 0)):
            raise FakeGraphUsageError("the latency must be 0 or more, its 99th percentile at least a median above 0")
        self.median_ms, self.p99_ms = median_ms, p99_ms
        self._sigma = log(p99_ms / median_ms) / Z_P99 if p99_ms is not None else 0.0
        self._gauss = random.gauss

    def draw_s(self) -> float:
        """Seconds until the next answer."""
        if not self._sigma:
            return self.median_ms / 1000
        return self.median_ms * exp(self._sigma * self._gauss()) / 1000
