"""Rules as people read them."""

from __future__ import annotations

from pathlib import Path

from sender.rules import in_words
from tests.unit.rules.tables import shipped, table_of


def test_a_rule_is_one_sentence(tmp_path: Path) -> None:
    text = """
        [[rule]]
        name = "again"
        scope = "recipient"
        class = "transient"
        unless_code = [2, 1]
        subcode = 7
        text = "Try again"
        pool = "app"
        usage_at_least = 12.5
        usage_below = 60
        action = "retry"
        times = 4
        for = "90s"
        longest = "1h"
        """
    table = table_of(tmp_path, text)
    found = {rule.name: str(in_words.sentence(rule)) for rule in table.rules}
    assert found["again"] == (
        'again: class transient, subcode 7, code other than 1 or 2, text with "try again", app usage from 12.5 % on '
        "and below 60 %; at the first: tries again, 4 times at most, first after 90s, doubling to 1h"
    )
    assert found["unreadable-answers"] == (
        "unreadable-answers: class ambiguous; 20 of the last 50 answers, and more than 50% of them: "
        "pauses the app for 5s, doubling to 10min"
    )
    assert found["same-payload-error"].endswith(
        "20 of the last 30 first attempts: holds the run until a person resumes or cancels it"
    )


def test_every_shipped_rule_can_be_told() -> None:
    for rule in shipped().rules:
        told = str(in_words.sentence(rule))
        assert "{" not in told
        assert ": ;" not in told
