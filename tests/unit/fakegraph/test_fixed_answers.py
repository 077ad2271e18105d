"""People who always get the same answer."""

from __future__ import annotations

from ops.fakegraph.answer_texts import load_catalogue
from ops.fakegraph.fixed_answers import place_of, read_fixed_answers

CATALOGUE = load_catalogue()
PEOPLE = [str(7 * 10**15 + n) for n in range(5000)]


def names(told: dict[str, float | list[str]]) -> dict[str, str]:
    problems: list[str] = []
    fixed = read_fixed_answers(CATALOGUE, told, problems)
    assert problems == []
    return {person: answer.name for person in PEOPLE if (answer := fixed.of(person)) is not None}


def test_a_share_of_the_people_always_gets_its_answer_and_shares_do_not_overlap() -> None:
    found = names({"613": 0.1, "551": 0.2})
    assert found == names({"613": 0.1, "551": 0.2})
    throttled = {person for person, name in found.items() if name == "rate_613_plain"}
    gone = {person for person, name in found.items() if name == "recipient_unavailable_551"}
    assert throttled == {person for person in PEOPLE if place_of(person) < 0.1}
    assert gone == {person for person in PEOPLE if 0.1 <= place_of(person) < 0.3}
    assert 400 < len(throttled) < 600


def test_who_is_named_gets_his_answer_whatever_the_shares_say() -> None:
    found = names({"10": PEOPLE[:2], "368": 1.0})
    assert [found[person] for person in PEOPLE[:3]] == [*["permission_missing_10"] * 2, "content_blocked_368"]


def test_everything_wrong_is_told_at_once() -> None:
    problems: list[str] = []
    told: dict[str, float | list[str]] = {
        "windy": 0.1,
        "html502": 0.1,
        "613": ["7"],
        "551": ["7"],
        "10": 0.8,
        "368": 0.3,
    }
    read_fixed_answers(CATALOGUE, told, problems)
    assert len(problems) == 4
    assert "'windy'" in problems[0]
    assert "613" in problems[0]
    assert "html_502" not in problems[1].partition("there are")[2]
    assert "'7'" in problems[2]
    assert "at most 1" in problems[3]
