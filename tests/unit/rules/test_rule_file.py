"""A file of rules: all that is wrong with it, at once, and what to write instead."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from schema.runtime.settings import SettingsError
from sender.rules.rule_fields import ACTIONS, FIELDS, duration
from sender.rules.rule_file import SHIPPED
from sender.rules.rule_table import RuleTable, load
from tests.unit.rules.tables import COOLDOWN_MS, THRESHOLD, shipped, table_of

GOOD = {"name": '"slow"', "scope": '"page"', "class": '"rate_limit_page"', "action": '"pause"', "for": '"2s"'}


def _row(changes: dict[str, str | None]) -> str:
    """A good row with these fields changed, or left out (None)."""
    fields = {**GOOD, **changes}
    return "[[rule]]\n" + "".join(f"{field} = {value}\n" for field, value in fields.items() if value is not None)


def _problems(folder: Path, text: str) -> list[str]:
    """What is wrong with a file, without its name."""
    with pytest.raises(SettingsError) as raised:
        table_of(folder, text)
    return [problem.removeprefix(f"{folder / 'rules.toml'}") for problem in raised.value.problems]


def test_a_good_row_is_taken(tmp_path: Path) -> None:
    rule = table_of(tmp_path, _row({"longest": '"1min"', "in_a_row": "50"})).named("slow")
    assert rule is not None
    assert (rule.for_ms, rule.longest_ms, rule.in_a_row) == (2_000, 60_000, 50)


@pytest.mark.parametrize("text", ["", "# nothing\n", "rule = []\n"])
def test_a_file_without_rules_changes_nothing(tmp_path: Path, text: str) -> None:
    assert table_of(tmp_path, text).rules == shipped().rules


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"name": None}, 'name is missing; write name = "..."'),
        ({"name": '"Slow page"'}, 'name = "Slow page": write up to 64 of a-z, 0-9 and "-", like "slow-page"'),
        ({"scope": None}, "scope is missing; write scope = one of recipient, run, page, app"),
        ({"scope": '"world"'}, 'scope = "world": write recipient, run, page or app'),
        ({"action": None}, "action is missing; write action = one of retry, fail,"),
        ({"for": None}, 'pause needs for; write for example for = "60s"'),
        (
            {"for": '"soon"'},
            'for = "soon": write a time from "100ms" to "168h", like "2s", "5min" or "6h", or "setting"',
        ),
        ({"for": '"0s"'}, 'for = "0s": write a time from "100ms"'),
        ({"for": '"169h"'}, 'for = "169h": write a time from "100ms" to "168h"'),
        ({"for": "2"}, "for = 2: write a time from"),
        ({"longest": '"1s"'}, 'longest is less than for; write longest = "2s" or more'),
        ({"class": '"rate_limit"'}, 'class = "rate_limit": write transient, rate_limit_page,'),
        ({"class": '"no_token"'}, 'class = "no_token": write transient, rate_limit_page,'),
        ({"class": None}, "says not which answers it concerns; write class, code, subcode, text or usage_at_least"),
        ({"code": "613.5"}, "code = 613.5: write a whole number as Meta gives it, or several: [458, 460]"),
        ({"code": "true"}, "code = True: write a whole number"),
        ({"code": "[]"}, "code = []: write a whole number"),
        ({"code": "[1, '2']"}, "code = [1, '2']: write a whole number"),
        ({"subcode": "99999999999"}, "subcode = 99999999999: write a whole number"),
        ({"code": "613", "unless_code": "4"}, "code and unless_code exclude each other; write only code"),
        ({"code": "613", "subcode": "2018338"}, "these codes are never of class rate_limit_page; write class = "),
        ({"text": '" "'}, 'text = " ": write a piece of the error\'s message'),
        ({"pool": '"page"'}, "pool is only for usage; write usage_at_least or usage_below beside it, or leave it out"),
        ({"usage_at_least": "90"}, 'usage_at_least needs pool; write pool = "page" or pool = "app"'),
        ({"usage_at_least": "nan", "pool": '"app"'}, "usage_at_least = nan: write a number from 1 to 1000"),
        ({"usage_below": "-1", "pool": '"app"'}, "usage_below = -1: write a number from 1 to 1000"),
        (
            {"usage_below": "80", "usage_at_least": "90", "pool": '"app"'},
            "no usage is at least 90 and below 80; write a smaller usage_at_least",
        ),
        ({"count": "20"}, "count needs count and of; write for example count = 20, of = 50"),
        ({"of": "20"}, "of needs count and of; write for example"),
        ({"share": "0.5"}, "share needs count and of; write for example"),
        ({"count": "20", "of": "10"}, "never are 20 of 10; write of = 20 or more, or a smaller count"),
        ({"count": "51", "of": "50"}, "count = 51: write a whole number from 1 to 50"),
        ({"count": "2", "of": "3", "share": "1.0"}, "share = 1.0: write a number from 0 to 0.99"),
        ({"in_a_row": "51"}, 'in_a_row = 51: write a whole number from 1 to 50, or "setting"'),
        ({"in_a_row": '"often"'}, 'in_a_row = "often": write a whole number from 1 to 50, or "setting"'),
        ({"in_a_row": "3", "count": "2", "of": "3"}, "in_a_row stands alone; leave out count, of"),
        (
            {"in_a_row": "3", "class": '"transient"'},
            'only kinds of answers are counted; write class = "rate_limit_page"',
        ),
        ({"in_a_row": "3", "class": None, "code": "613"}, "only kinds of answers are counted; write class = "),
        (
            {"action": '"brake"'},
            "brake cannot be done to scope page; write action = pause, pace, ceiling, hold_pace or",
        ),
        ({"action": '"fail"'}, "fail cannot be done to scope page"),
        ({"action": '"stop"'}, 'action = "stop": write retry, fail, suppress, delay, brake, pause,'),
        ({"scope": '"run"'}, "pause cannot be done to scope run; write action = brake, or scope = page or app"),
        ({"scope": '"run"', "action": '"brake"'}, "for means nothing to brake; leave it out"),
        ({"action": '"ceiling"'}, "ceiling needs factor; write for example factor = 0.5"),
        ({"action": '"ceiling"', "factor": "1.5"}, "factor = 1.5: write a number from 0.02 to 1"),
        ({"action": '"pace"', "factor": "1", "for": None}, "factor 1 cuts nothing; write for example factor = 0.7"),
        ({"action": '"pace"'}, "for means nothing to pace; leave it out"),
        ({"action": '"hold_pace"', "longest": '"1h"'}, "longest means nothing to hold_pace; leave it out"),
        ({"factor": "0.5"}, "factor means nothing to pause; leave it out"),
        ({"times": "3"}, "times means nothing to pause; leave it out"),
        ({"scope": '"recipient"', "action": '"retry"', "for": None}, "retry needs times; write for example times = 3"),
        (
            {"scope": '"recipient"', "action": '"retry"', "times": "3", "for": None, "longest": '"1h"'},
            'longest needs for; write for example for = "60s"',
        ),
        (
            {"scope": '"recipient"', "action": '"delay"', "in_a_row": "3"},
            "a rule for one recipient acts at once; leave out in_a_row",
        ),
        (
            {"scope": '"recipient"', "action": '"delay"', "class": '"ambiguous"'},
            "a message that may have arrived is the run's to decide; write on_unknown there, and no rule",
        ),
        (
            {"scope": '"recipient"', "action": '"delay"', "class": None, "pool": '"app"', "usage_at_least": "9"},
            "says not which answers it concerns; write class, code, subcode or text",
        ),
        ({"useage_below": "9"}, "useage_below is no field of a rule; did you mean usage_below?"),
        ({"x": "9"}, "x is no field of a rule; there are name, scope, action, class,"),
        ({"source": '""'}, 'source = "": write where the platform\'s facts say so'),
    ],
)
def test_an_impossible_row_is_refused_with_what_to_write(
    tmp_path: Path, changes: dict[str, str | None], problem: str
) -> None:
    name = changes.get("name", GOOD["name"])
    where = ", rule 1 (slow): " if name == GOOD["name"] else ", rule 1: "
    told = _problems(tmp_path, _row(changes))
    assert [p for p in told if p.startswith(f"{where}{problem}")] == told


def test_all_problems_of_all_rows_are_told_at_once(tmp_path: Path) -> None:
    text = (
        "colour = 7\n" + _row({"for": '"x"', "factor": "7", "code": "'613'"}) + _row({"name": '"other"', "for": None})
    )
    text += _row({}) + _row({}) + '[[rule]]\nname = "page-usage-75"\naction = "none"\n'
    assert [problem.partition("; ")[0] for problem in _problems(tmp_path, text)] == [
        ": colour means nothing here",
        ', rule 1 (slow): for = "x": write a time from "100ms" to "168h", like "2s", "5min" or "6h", or "setting"',
        ", rule 1 (slow): factor = 7: write a number from 0.02 to 1",
        ', rule 1 (slow): code = "613": write a whole number as Meta gives it, or several: [458, 460]',
        ", rule 1 (slow): factor means nothing to pause",
        ", rule 2 (other): pause needs for",
        ", rule 3 (slow): there are two of this name",
        ", rule 4 (slow): there are two of this name",
        ", rule 5 (page-usage-75): no rule of this name is shipped",
    ]


def test_two_rules_for_the_same_recipients_are_refused(tmp_path: Path) -> None:
    rows = [_row({"name": f'"{n}"', "scope": '"recipient"', "action": '"delay"', "code": "613"}) for n in "ab"]
    assert _problems(tmp_path, "".join(rows)) == [
        ", rule 2 (b): concerns the same answers as a, and one message ends in one way; leave one of them out"
    ]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (b"[[rule]", " is not TOML: "),
        (b"\xff", " is not UTF-8; save it as such"),
        (b"a = " + b"9" * 10_000, " is not TOML: "),
        (b"a = " + b"[" * 100_000, " is not TOML: "),
        (b"rule = 7", ": rule is no list of tables; write [[rule]] above each"),
        (b"rule = [7]", ": rule is no list of tables; write [[rule]] above each"),
        (b"[rule]\nname = 'a'", ": rule is no list of tables; write [[rule]] above each"),
        (b"[[rules]]\nname = 'a'", ": rules means nothing here; write [[rule]]"),
        (b"[[rule]]\n" * 501, " has 501 rules; write at most 500"),
        (b"#" * 1_000_001, " is longer than 1,000,000 bytes; write RULES_FILE with the path of a file"),
        (b"[[rule]]\nname = 0x" + b"f" * 20_000, ", rule 1: name = this number: write up to 64"),
    ],
)
def test_a_file_that_is_no_table_is_told_as_such(tmp_path: Path, text: bytes, problem: str) -> None:
    file = tmp_path / "rules.toml"
    file.write_bytes(text)
    with pytest.raises(SettingsError) as raised:
        load(file, THRESHOLD, COOLDOWN_MS)
    assert raised.value.problems[0].startswith(f"{file}{problem}")


def test_a_file_that_cannot_be_read_is_told_with_what_to_write(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    told = {"pipe": "is no file", ".": "is no file", "none": "cannot be read (No such file", "\0": "cannot be read ("}
    for name, problem in told.items():
        with pytest.raises(SettingsError) as raised:
            load(tmp_path / name, THRESHOLD, COOLDOWN_MS)
        [line] = raised.value.problems
        assert line.startswith(f"{tmp_path / name} {problem}")
        assert line.endswith("write RULES_FILE with the path of a file that has rules, or leave it out")


@pytest.mark.parametrize(
    ("ms", "text"), [(250, "250ms"), (2_000, "2s"), (90_000, "90s"), (300_000, "5min"), (3_600_000, "1h")]
)
def test_times_are_written_as_they_are_read(ms: int, text: str) -> None:
    assert duration(ms) == text
    assert FIELDS["for"](text) == ms


def test_a_cool_down_longer_than_the_longest_is_the_longest(tmp_path: Path) -> None:
    rule = load(None, 60, 7_200_000).named("page-not-authorised")
    assert rule is not None
    assert (rule.in_a_row, rule.for_ms, rule.longest_ms) == (60, 7_200_000, 7_200_000)


def test_the_shipped_table_is_in_the_package() -> None:
    assert (Path(load.__code__.co_filename).parent / SHIPPED).is_file()


_VALUES = st.one_of(
    st.sampled_from([*ACTIONS, *(a for actions in ACTIONS.values() for a in actions), "none", "setting"]),
    st.sampled_from(["rate_limit_page", "bad_payload", "ambiguous", "page", "app", "2s", "5min", "6h", "slow"]),
    st.integers(-2, 60),
    st.integers(),
    st.floats(0, 1),
    st.floats(),
    st.booleans(),
    st.text(max_size=8),
    st.lists(st.integers(0, 700), max_size=3),
)


def _toml(value: object) -> str:
    if isinstance(value, str):
        return '"' + "".join(c if c.isalnum() and c.isascii() else f"\\U{ord(c):08x}" for c in value) + '"'
    return str(value).lower() if not isinstance(value, list) else str(value)


def _loaded(folder: Path, content: bytes) -> RuleTable | list[str]:
    file = folder / "rules.toml"
    file.write_bytes(content)
    try:
        return load(file, THRESHOLD, COOLDOWN_MS)
    except SettingsError as exc:
        return exc.problems


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(st.lists(st.dictionaries(st.sampled_from([*FIELDS, "colour", "a\n"]), _VALUES), min_size=1, max_size=4))
@example([{"name": "two\nlines"}])
def test_any_rows_make_a_table_or_are_refused_with_a_line_for_each_problem(
    tmp_path: Path, rows: list[dict[str, object]]
) -> None:
    text = "".join("[[rule]]\n" + "".join(f"{_toml(k)} = {_toml(v)}\n" for k, v in row.items()) for row in rows)
    loaded = _loaded(tmp_path, text.encode())
    if isinstance(loaded, list):
        assert loaded
        assert all(problem.isprintable() for problem in loaded)
        return
    for rule in loaded.rules:
        assert rule.action in ACTIONS[rule.scope]
        assert rule.longest_ms >= rule.for_ms
        assert rule.count <= rule.of <= 50
        assert 0.02 <= rule.factor <= 1


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(
    st.dictionaries(st.sampled_from(sorted(set(FIELDS) - {"name", "scope", "class", "action"})), _VALUES, max_size=4)
)
def test_what_is_put_into_a_good_row_is_taken_or_named(tmp_path: Path, more: dict[str, object]) -> None:
    text = _row({field: _toml(value) for field, value in more.items()})
    loaded = _loaded(tmp_path, text.encode())
    if isinstance(loaded, RuleTable):
        assert loaded.named("slow") is not None
        return
    assert loaded
    assert all(f"{tmp_path / 'rules.toml'}, rule 1 (slow): " in problem for problem in loaded)
    assert all(any(field in problem for field in more) for problem in loaded)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(st.binary(max_size=200) | st.text(max_size=200).map(str.encode))
def test_no_file_raises_anything_else(tmp_path: Path, content: bytes) -> None:
    loaded = _loaded(tmp_path, content)
    assert isinstance(loaded, RuleTable) or loaded
