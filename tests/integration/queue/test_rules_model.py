"""Pace, pause, breaker and brake against an exact model, on a virtual clock."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from random import Random

import pytest
import redis

from schema.outcomes import ErrorClass
from sender.graph.api.classify import Answer
from sender.graph.api.usage import Usage
from sender.rules.rule_table import load
from tests.integration.queue.answers import (
    ACCEPTED,
    BAD,
    BLOCKED,
    GONE,
    PAGE_LIMIT,
    REPORTED,
    THROTTLED,
    TOKEN_DEAD,
    TOKEN_INVALID,
    UNREADABLE,
    used,
)
from tests.integration.queue.virtual_queue import VirtualQueue

RULES = load(None, 3, 60_000)
AT_THE_LIMIT = Answer(
    error_class=ErrorClass.RATE_LIMIT_PAGE, http_status=400, code=613, usage=Usage(page_percent=95, page_regain_s=120)
)
APP_LIMIT = Answer(error_class=ErrorClass.RATE_LIMIT_APP, http_status=400, code=4)
APP_BLOCKED = Answer(error_class=ErrorClass.AUTH_APP, http_status=400, code=200)
TRANSIENT = Answer(error_class=ErrorClass.TRANSIENT, http_status=500, code=2)
OTHER_BAD = Answer(error_class=ErrorClass.BAD_PAYLOAD, http_status=400, code=100, subcode=1, message="too long")
GOOD = [ACCEPTED] * 12
MOODS: dict[str, list[Answer]] = {
    "good": [ACCEPTED],
    "hidden limit": [*GOOD, THROTTLED, THROTTLED],
    "a person": [*GOOD, *GOOD, THROTTLED],
    "storm": [THROTTLED, THROTTLED, THROTTLED, ACCEPTED],
    "at the limit": [*GOOD, AT_THE_LIMIT, used(page=100)],
    "page limit": [PAGE_LIMIT, ACCEPTED],
    "usage": [used(page=72), used(page=86), used(page=97), used(app=75), used(app=90), used(app=99)],
    "app": [*GOOD, APP_LIMIT, APP_BLOCKED, used(app=100)],
    "outage": [UNREADABLE, UNREADABLE, UNREADABLE, ACCEPTED],
    "token": [TOKEN_INVALID, TOKEN_INVALID, TRANSIENT, TOKEN_DEAD],
    "policy": [*GOOD, BLOCKED],
    "payload": [BAD, BAD, BAD, OTHER_BAD, ACCEPTED, GONE],
    "reported": [*GOOD, *GOOD, REPORTED],
    "everything": [ACCEPTED, THROTTLED, UNREADABLE, TOKEN_INVALID, APP_LIMIT, TRANSIENT, GONE, BAD, used(page=90)],
}
PAUSES_MS = [0, 1, 20, 20, 100, 100, 400, 1_000, 2_500, 6_000, 20_000, 61_000, 400_000]


@pytest.fixture
def client(redis_url: str) -> Iterator[redis.Redis]:
    with redis.Redis.from_url(redis_url) as client:
        yield client


TWINS = {
    "cuts to another share": ("1 - tonumber(f.cut_factor or 0.7)", "1 - 0.5"),
    "climbs in a straight line": ("* x * x * x", "* x"),
    "does not stand still while it is held": (
        "math.max(tonumber(f.cut_us or 0), tonumber(f.hold_until_us or 0))",
        "tonumber(f.cut_us or 0)",
    ),
    "never forgets a ceiling": ("tonumber(f.ceiling_until_us or 0) > now", "f.ceiling"),
    "cuts for every message of a wave": ("scope and a.sent_us > scope.cut_us", "scope"),
    "does not double": ("for_ms * 2 ^ math.min(times, 30)", "for_ms"),
    "doubles without end": ("math.min(longest_ms, for_ms *", "math.max(0, for_ms *"),
    "does not wait as long as Meta asks": (", a.asked_ms) * a.jitter", ", 0) * a.jitter"),
    "doubles for each message of a wave": ("if scope.probe == 'due' and standing_ms > now / 1000", "if false"),
    "probes with two": ("probing and 1 or", "probing and 2 or"),
    "goes on at full speed after a pause": ("'probe', 'due', 'cut_us'", "'cut_us'"),
    "probes the app with all": ("if app_probes then want = 1 end", ""),
    "asks nobody for the way out of a pause": ("scope.probe == 'out' then\n    it_works", "false then\n    it_works"),
    "closes no breaker": ("scope.breaker == 'half_open' then\n    it_works", "false then\n    it_works"),
    "counts retried failures": ("(a.first or rule.in_a_row <= 1) then", "true then"),
    "never forgets failures": ("if scope.failures > 0 and scope.breaker ~= 'open'", "if false"),
    "counts the failures of a former token": ("'0') ~= a.token_version", "'0') == 'none'"),
    "brakes for different payload errors": ("if before ~= a.error then", "if false then"),
    "brakes for retried payload errors": ("if a.first then note_at_run", "if true then note_at_run"),
    "brakes one too late": ("return n >= rule.count", "return n > rule.count"),
    "does not look at the share": ("(rule.share == 0 or n > rule.share * #last)", "true"),
    "brakes again at once": ("  leave_lane(scope.name)\n  begin_anew(scope)", "  leave_lane(scope.name)"),
    "lets a page's failures pause the app": ("app = {p = 'o', g = 'o', f = 'n', t = 'n'}", "app = {}"),
}


def live(queue: VirtualQueue, random: Random, steps: int) -> None:
    """Claim, answer and wait in any order; moods last a while."""
    mood = MOODS["good"]
    for _ in range(steps):
        if random.random() < 0.1:
            mood = MOODS[random.choice(sorted(MOODS))]
        what = random.random()
        if what < 0.4:
            if not queue.claim(random.choice([1, 3, 10, 40])) and random.random() < 0.5:
                queue.pass_time(min(3_700_000, queue.blocked_ms) + random.choice([0, 1, 5_000]))
        elif what < 0.75:
            count = min(len(queue.under_way), random.choice([1, 1, 2, 5, 20]))
            answers = [random.choice(mood) for _ in range(count)]
            queue.settle(answers, first=random.random() < 0.8, token_version=int(random.random() < 0.05))
        elif what < 0.78 or queue.braked:
            queue.let_go()
        else:
            queue.pass_time(random.choice(PAUSES_MS) * random.uniform(0.9, 1.1))


def lives(client: redis.Redis, seed: int, *, app_limit: int, change: Callable[[str], str] = str) -> None:
    """One life of a page, always the same for a seed."""
    random = Random(seed)  # noqa: S311 - needs no secrecy
    limit = random.choice([1, 7, 50, 200])
    queue = VirtualQueue(client, RULES, limit=limit, app_limit=app_limit, random=random.random, change=change)
    live(queue, random, 400)


@pytest.mark.parametrize("app_limit", [0, 80])
@pytest.mark.parametrize("seed", range(12))
def test_what_answers_do_is_what_the_model_says(client: redis.Redis, seed: int, app_limit: int) -> None:
    lives(client, seed, app_limit=app_limit)


@pytest.mark.parametrize("fault", TWINS)
def test_the_model_notices_rules_that(client: redis.Redis, fault: str) -> None:
    old, new = TWINS[fault]
    changed = []

    def change(text: str) -> str:
        changed.append(old in text)
        return text.replace(old, new)

    with pytest.raises(AssertionError):  # noqa: PT012 - any of these lives
        for seed in range(60):
            lives(client, seed, app_limit=seed % 2 * 80, change=change)
    assert any(changed), "the scripts are written otherwise now"
