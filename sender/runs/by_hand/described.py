"""Refusing a run given by hand at once, by the check that the run processor makes when it takes the run."""

from __future__ import annotations

import time
from collections.abc import Collection

from schema.run import Run
from sender.runs.by_hand.errors import RunMisdescribed
from sender.runs.rules.check import Refusal, check
from sender.runs.rules.rows import SourceRun


def described_run(row: SourceRun, rules_off: Collection[str]) -> Run:
    """Return the run, which would not be refused, whatever the databases hold.

    Whether its page has a token and a good time zone, only the run processor knows.

    Args:
        row: the run as its processor will read it.
        rules_off: rules of a message's form that do not count.

    Raises:
        RunMisdescribed: naming everything that is wrong with it.
    """
    now_ms = time.time_ns() // 1_000_000
    run = check(row, now_ms=now_ms, has_token=True, time_zone=None, own_zones=True, rules_off=rules_off)
    if isinstance(run, Refusal):
        raise RunMisdescribed(run.reason)
    return run
