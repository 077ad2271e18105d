"""`newar limits`: shown, explained, set and reset, for people and for programs."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
import redis

from schema.keys import key
from tests.unit.api.contents import now_ms, process, publish, sender
from tests.unit.command_line import CommandLine

PAGE, OTHER = "104512345678901", "104512345678902"


@pytest.fixture
def client(redis_url: str) -> Iterator[redis.Redis]:
    with redis.Redis.from_url(redis_url) as opened:
        opened.sadd(key("pages"), PAGE, OTHER)
        yield opened


def slow(client: redis.Redis, page: str = PAGE) -> None:
    ends_us = (now_ms() + 60_000) * 1000
    fields: dict[Any, Any] = {"slowed": 1, "ceiling": 0.5, "ceiling_rule": "page-usage-85", "ceiling_until_us": ends_us}
    client.hset(key(f"page:{page}"), mapping={**fields, "answers": "oot"})


def answer(newar: CommandLine, *words: str) -> Any:
    result = newar("limits", *words, "--json")
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def test_a_slow_page_is_shown_and_explained(newar: CommandLine, client: redis.Redis) -> None:
    slow(client)
    settings: dict[str, int | float | str] = {"rate_limit_per_page": 40, "rate_limit_per_page_media": 8}
    settings["rate_limit_max_jobs_per_second"] = 500
    publish(client, process("a", sender=sender(), settings=settings))
    [shown] = answer(newar, "show")
    assert shown == answer(newar, "explain", PAGE) | {"at": shown["at"]}
    assert [(lane["limit"], lane["limit_from"], lane["now_per_s"]) for lane in shown["lanes"]] == [
        (40.0, "senders", 20.0),
        (8.0, "senders", 4.0),
    ]
    assert (shown["app"]["limit"], shown["last_answers"]) == (500.0, {"well": 2, "page_throttled": 1})
    assert [page["page_id"] for page in answer(newar, "show", "--all")] == [PAGE, OTHER]
    text = newar("limits", "explain", PAGE).stdout
    for said in (
        "20 messages a second",
        "page-usage-85",
        "at most 50%",
        "1 page throttled",
        f"newar limits reset {PAGE}",
    ):
        assert said in text
    assert "page-usage-85: " in text  # what the rule says
    assert "Nothing slows it down" in newar("limits", "explain", OTHER).stdout
    assert PAGE in newar("limits", "show").stdout
    assert OTHER not in newar("limits", "show").stdout


def test_a_pause_of_everything_is_said_with_every_page(newar: CommandLine, client: redis.Redis) -> None:
    newar("pause", "--all")
    assert "everything: pause: nothing is sent (by hand)" in newar("limits", "show", "--all").stdout
    assert answer(newar, "explain", PAGE)["lanes"][0]["now_per_s"] == 0


def test_a_rule_of_the_operators_own_is_explained_in_its_words(newar: CommandLine, client: redis.Redis) -> None:
    slow(client)
    rules = '[[rule]]\nname = "page-usage-85"\nscope = "page"\npool = "page"\nusage_at_least = 80\n'
    newar.set(RULES_FILE=newar.file("rules.toml", rules + 'action = "ceiling"\nfactor = 0.5\nfor = "2min"\n'))
    assert "from 80 % on" in newar("limits", "explain", PAGE).stdout


def test_a_limit_is_set_and_taken_off_again(newar: CommandLine, client: redis.Redis) -> None:
    assert answer(newar, "set", PAGE, "12", "--for", "2h") == {
        **{"page_id": PAGE, "done": "set", "per_second": 12.0, "for_ms": 7_200_000}
    }
    text = answer(newar, "explain", PAGE)["lanes"][0]
    assert (text["limit"], text["limit_from"]) == (12.0, "by_hand")
    assert "for 2 h 0 min" in newar("limits", "set", PAGE, "0.5", "--for", "2h").stdout
    assert "until newar limits set changes it" in newar("limits", "set", PAGE, "0.5").stdout
    assert newar("limits", "set", PAGE, "none").exit_code == 0
    assert answer(newar, "explain", PAGE)["because"] == []


def test_a_reset_says_what_it_ended_and_what_stays(newar: CommandLine, client: redis.Redis) -> None:
    slow(client)
    text = newar("limits", "reset", PAGE).stdout
    assert f"page {PAGE}: ceiling" in text
    assert "What a person has set stays" in text
    assert answer(newar, "reset", PAGE)["lifted"] == []
    assert answer(newar, "reset", "app")["lifted"] == []


def test_what_slows_the_app_is_said_to_be_the_apps(newar: CommandLine, client: redis.Redis) -> None:
    until_us = (now_ms() + 60_000) * 1000
    ceiling: Any = {"ceiling": 6, "ceiling_base": 60, "ceiling_until_us": until_us, "slowed": "1"}
    client.hset(key("app"), mapping={**ceiling, "ceiling_rule": "app-usage-95"})
    text = newar("limits", "explain", PAGE).stdout
    assert "all pages together 6\n" in text
    assert "newar limits reset app ends" in text
    assert f"newar limits reset {PAGE}" not in text
    for words in (["explain", "app"], ["set", "app", "3"]):
        assert "app is no page: newar limits show" in newar("limits", *words).stderr


@pytest.mark.parametrize("words", [["explain", "9"], ["set", "9", "12"], ["reset", "9"]])
def test_unknown_page_is_said_and_exit_code_1(newar: CommandLine, client: redis.Redis, words: list[str]) -> None:
    result = newar("limits", *words)
    assert (result.exit_code, result.stdout) == (1, "")
    assert "page 9 never had a run, or none since the queue was emptied: newar page list" in result.stderr


@pytest.mark.parametrize("rate", ["0", "-1", "0.05", "100001", "fast", "1e3", "", "nan", "12/s"])
def test_a_nonsense_rate_is_refused_with_what_to_write(newar: CommandLine, client: redis.Redis, rate: str) -> None:
    result = newar("limits", "set", PAGE, "--", rate)
    assert (result.exit_code, result.stdout) == (2, "")
    assert "write messages per second" in result.stderr
    assert not client.hexists(key(f"page:{PAGE}"), "set_limit")


def test_a_limit_that_is_taken_off_has_no_time(newar: CommandLine, client: redis.Redis) -> None:
    assert newar("limits", "set", PAGE, "none", "--for", "2h").exit_code == 2
    assert "write for example 30s" in newar("limits", "set", PAGE, "5", "--for", "soon").stderr
