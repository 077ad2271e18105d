"""Which rules an answer fits."""

from __future__ import annotations

from pathlib import Path

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from schema.outcomes import ErrorClass
from sender.graph.api.classify import Answer
from sender.graph.api.usage import Usage
from sender.rules.rule import Rule, pack
from sender.rules.rule_table import RuleTable, fits
from tests.unit.rules.tables import LOST, SENT, names, refused, sent, shipped, table_of


def test_a_rule_of_the_same_name_replaces_the_shipped_one_and_none_switches_it_off(tmp_path: Path) -> None:
    table = table_of(
        tmp_path,
        """
        [[rule]]
        name = "page-usage-85"
        scope = "page"
        pool = "page"
        usage_at_least = 80
        action = "ceiling"
        factor = 0.3
        for = "2min"

        [[rule]]
        name = "page-usage-70"
        action = "none"
        """,
    )
    [rule] = table.matching(sent(page=80))
    assert (rule.name, rule.factor, rule.for_ms, rule.longest_ms) == ("page-usage-85", 0.3, 120_000, 120_000)
    assert names(table, sent(page=79.9)) == set()
    assert names(table, sent(app=85)) == {"app-usage-70", "app-usage-85"}
    assert len(table.rules) == len(shipped().rules) - 1


def test_the_most_specific_rule_for_a_recipient_wins(tmp_path: Path) -> None:
    def row(name: str, conditions: str) -> str:
        return f'[[rule]]\nname="{name}"\nscope="recipient"\naction="retry"\ntimes=1\n{conditions}\n'

    text = "".join(
        [
            row("both", "code = 2\nsubcode = 7"),
            row("of-class", 'class = "transient"'),
            row("text", 'text = "Try AGAIN"'),
            row("code", "code = 2"),
            row("code-when-busy", 'code = 2\npool = "app"\nusage_at_least = 50'),
            row("subcode", "subcode = 7"),
        ]
    )
    table = table_of(tmp_path, text)

    def name(answer: Answer) -> str | None:
        rule = table.for_recipient(answer)
        return rule.name if rule else None

    assert name(refused(2, 7, "please try again")) == "both"
    assert name(refused(1200, 7, "please try again")) == "subcode"
    assert name(refused(2, 8, "please try again")) == "text"
    assert name(refused(2, 8)) == "code"
    assert name(refused(2, 8, usage=Usage(app_percent=50))) == "code-when-busy"
    assert name(refused(2, 8, usage=Usage(page_percent=50))) == "code"
    assert name(refused(1200)) == "of-class"
    assert name(refused(551, None, "please try again")) == "text"
    assert name(refused(551)) is None
    assert name(SENT) is name(LOST) is None


def test_an_operators_rule_for_a_recipient_wins_over_a_shipped_one_for_the_same_answers(tmp_path: Path) -> None:
    text = """
        [[rule]]
        name = "mine"
        scope = "recipient"
        class = "rate_limit_page"
        code = 613
        pool = "page"
        usage_below = 90
        action = "fail"
        """
    rule = table_of(tmp_path, text).for_recipient(refused(613))
    assert rule is not None
    assert rule.name == "mine"


def test_of_rules_that_do_the_same_at_once_only_the_strongest_counts(tmp_path: Path) -> None:
    pause = '[[rule]]\nname="{}"\nscope="page"\ncode=32\naction="pause"\nfor="{}"\n{}\n'
    text = pause.format("long", "2h", "") + pause.format("short", "1s", "")
    text += pause.format("counted", "3h", 'class="rate_limit_page"\nin_a_row=2')
    table = table_of(tmp_path, text)
    assert names(table, refused(32)) == {"long", "counted", "page-limit-pace"}


def test_a_long_subcode_counts_as_a_code_too(tmp_path: Path) -> None:
    table = table_of(tmp_path, '[[rule]]\nname="terms"\nscope="run"\nsubcode=2018344\naction="brake"\n')
    for answer in (refused(2, 2018344), refused(2018344), refused(77, 2018344)):
        assert "terms" in names(table, answer)
    assert "terms" not in names(table, refused(2))


def test_packed_is_what_matches() -> None:
    table = shipped()
    for answer in (refused(613), LOST, sent(page=96), refused(190, 460)):
        assert table.packed(answer) == pack(table.matching(answer))
    assert table.packed(SENT) == table.packed(sent(page=1)) == table.packed(refused(1)) == b""


_PERCENTS = st.sampled_from([None, 0, 10, 49.9, 50, 50.1, 70, 85, 90, 100, 1000])
_CLASSES = st.sampled_from([None, ErrorClass.TRANSIENT, ErrorClass.AUTH_PAGE, ErrorClass.AMBIGUOUS])
_CODES = st.sampled_from([None, 1, 2, 1_000_001, 1_000_002])
_SETS = st.frozensets(st.sampled_from([1, 2, 1_000_001]), max_size=2)
_RULES = st.builds(
    Rule,
    name=st.uuids().map(str),
    scope=st.sampled_from(["run", "page", "app", "recipient"]),
    action=st.sampled_from(["pause", "ceiling"]),
    error_class=_CLASSES,
    codes=_SETS,
    subcodes=_SETS,
    unless_codes=_SETS,
    unless_subcodes=_SETS,
    text=st.sampled_from(["", "busy", "don't"]),
    pool=st.sampled_from(["page", "app"]),
    usage_at_least=_PERCENTS,
    usage_below=_PERCENTS,
    in_a_row=st.integers(0, 2),
    for_ms=st.integers(0, 3),
    factor=st.sampled_from([0.1, 0.5, 1.0]),
)
_ANSWERS = st.builds(
    Answer,
    error_class=_CLASSES,
    http_status=st.just(400),
    code=_CODES,
    subcode=_CODES,
    message=st.sampled_from([None, "", "Busy", "you DON\u2019T"]),
    usage=st.none()
    | st.builds(
        Usage,
        page_percent=st.sampled_from([0, 49.9, 50, 90, 100]),
        app_percent=st.sampled_from([0, 10, 50.1, 100]),
    ),
)


def _fits_in_words(rule: Rule, answer: Answer) -> bool:
    """The conditions once more, each by itself."""
    subcodes = {answer.subcode} | ({answer.code} if (answer.code or 0) >= 1_000_000 else set())
    usage = answer.usage or Usage()
    percent = {"page": usage.page_percent, "app": usage.app_percent, None: 0.0}[rule.pool]
    return all(
        [
            rule.error_class in (None, answer.error_class),
            not rule.codes or answer.code in rule.codes,
            answer.code not in rule.unless_codes,
            not rule.subcodes or bool(subcodes & rule.subcodes),
            not subcodes & rule.unless_subcodes,
            rule.text in (answer.message or "").lower().replace("\u2019", "'"),
            rule.usage_at_least is None or percent >= rule.usage_at_least,
            rule.usage_below is None or percent < rule.usage_below,
        ]
    )


@given(st.lists(_RULES, max_size=6), st.lists(_ANSWERS, min_size=1, max_size=6))
def test_what_is_remembered_is_what_would_be_found(rules: list[Rule], answers: list[Answer]) -> None:
    """A table that has seen other answers says the same as a new one, and as the conditions say."""
    table = RuleTable(rules)
    for answer in answers * 2:
        found = table.matching(answer)
        assert found == RuleTable(rules).matching(answer)
        assert table.for_recipient(answer) == RuleTable(rules).for_recipient(answer)
        if answer.error_class is None and answer.usage is None:
            assert found == ()
            continue
        assert all(fits(rule, answer) is _fits_in_words(rule, answer) for rule in rules)
        fitting = [r for r in rules if r.scope != "recipient" and _fits_in_words(r, answer)]
        assert [r for r in found if not r.at_once] == [r for r in fitting if not r.at_once]
        assert {(r.scope, r.action) for r in found} == {(r.scope, r.action) for r in fitting}
        at_once = [(r.scope, r.action) for r in found if r.at_once]
        assert len(at_once) == len(set(at_once))


def test_codes_from_outside_do_not_fill_the_memory() -> None:
    table = shipped()
    for code in range(5_000):
        table.matching(refused(613, code))
        table.for_recipient(refused(613, code))
    kept = [len(value) for value in vars(table).values() if isinstance(value, dict)]
    assert len(kept) == 2
    assert max(kept) <= 2_000
    assert names(table, refused(613, 5)) == names(shipped(), refused(613, 5))


def test_a_packed_table_can_be_unpacked_anywhere() -> None:
    for row in msgspec.msgpack.decode(pack(shipped().rules)):
        assert [type(value) for value in row] == [str, str, str, int, int, float, int, int, int, float]
