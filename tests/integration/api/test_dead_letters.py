"""Dead letters: told with their number while they lie there, and put into the log by program and by click."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from httpx import AsyncClient
from redis import Redis

from ingest.mending.redrive import Redriven
from ops.access.caller import Role
from ops.access.users import Users
from ops.acts import log_redrive
from tests.integration.api.rest.steering.steerers import ADMIN, AWAY, TOKENS, VIEWER
from tests.integration.api.serving import Api
from tests.integration.commands.log.letters import acts, bury, left, logged
from tests.integration.ingest.events import event

PATH, BUTTON = "/api/v1/dead-letters", "/admin/act/dead-letters/redrive"
HOSTILE = "<b>\u202ereason\u200b 17"


async def told(client: AsyncClient) -> list[str]:
    needs = (await client.get("/api/v1/needs")).json()["needs"]
    return [need["text"] for need in needs if need["kind"] == "dead_letters"]


async def test_what_lies_there_is_told_and_put_into_the_log_by_a_program(
    redis: Redis, api: Callable[..., Api], log_database_url: str
) -> None:
    bury(log_database_url, [event(1), b"\xff\0", event(2)], reason="Mended 12")
    bury(log_database_url, [event(3)], reason="other")
    async with api(**TOKENS, log_database_url=log_database_url) as client:
        client.headers.update(ADMIN)
        assert [text.rsplit(" ", 1)[1] for text in await told(client)] == ["4."]
        found = (await client.get(PATH)).json()
        assert found["letters"] == 4
        assert [(one["reason"], one["letters"]) for one in found["reasons"]] == [("Mended #", 3), ("other", 1)]
        refused = await client.post(f"{PATH}/redrive", json={"expect": 3})
        assert (refused.status_code, "there are 4 dead letters now" in refused.text) == (409, True)
        for body, says in (({}, "expect"), ({"expect": 1, "reason": "a\0"}, "NUL"), ({"expect": -1}, "expect")):
            refused = await client.post(f"{PATH}/redrive", json=body)
            assert (refused.status_code, says in refused.text) == (400, True)
        assert logged(log_database_url) == []
        done = (await client.post(f"{PATH}/redrive", json={"expect": 3, "reason": "mended"})).json()
        assert (done["tried"], done["rows"], done["stay"]) == (3, 2, 1)
        done = (await client.post(f"{PATH}/redrive", json={"expect": 2})).json()
        assert (done["tried"], done["rows"], done["stay"]) == (2, 1, 1)
    assert logged(log_database_url) == ["1", "2", "3"]
    assert [offset for offset, *_ in left(log_database_url)] == [1]
    assert [what for what, _ in acts(log_database_url)] == ["log redrive"] * 2
    assert acts(log_database_url)[0][1] == "reason mended; " + log_redrive.told(Redriven(tried=3, rows=2, stay=1))


async def test_the_start_page_has_the_button_which_asks_with_count_and_reasons(
    redis: Redis, api: Callable[..., Api], log_database_url: str
) -> None:
    bury(log_database_url, [event(1), event(2), b"no event"], reason=HOSTILE)
    async with api(**TOKENS, log_database_url=log_database_url) as client:
        client.headers.update(ADMIN)
        assert BUTTON in (await client.get("/admin")).text
        question = (await client.get(BUTTON)).text
        assert "Put 3 dead letters into the log?" in question
        assert 'name="expect" value="3"' in question
        assert (
            '&lt;b&gt;<span class="hidden-char">U+202E</span>reason<span class="hidden-char">U+200B</span>' in question
        )
        for expect, says in (
            ("2", "there are 3 dead letters now"),
            ("x", "Nothing was done"),
            ("", "Nothing was done"),
        ):
            answer = await client.post(BUTTON, data={"expect": expect}, follow_redirects=True)
            assert says in answer.text
        assert logged(log_database_url) == []
        answer = await client.post(BUTTON, data={"expect": "3"}, follow_redirects=True)
        assert "Dead letters tried: 3. Rows now: 2; in the log already: 0; refused again: 1." in answer.text
        assert [text.rsplit(" ", 1)[1] for text in await told(client)] == ["1."]
    assert logged(log_database_url) == ["1", "2"]


async def test_only_who_may_steer_every_page_puts_them_back(
    redis: Redis, closed_api: Callable[..., Api], log_database_url: str, users: Users
) -> None:
    bury(log_database_url, [event(1)])
    of_one_page = await users.add_key("ours", Role.OPERATOR, ["7"], "me@here")
    async with closed_api(**TOKENS) as client:
        for headers in (VIEWER, {"Authorization": f"Bearer {of_one_page}"}):
            for answer in (
                await client.post(f"{PATH}/redrive", json={"expect": 1}, headers=headers),
                await client.post(BUTTON, data={"expect": "1"}, headers=headers),
                await client.get(BUTTON, headers=headers),
            ):
                assert answer.status_code == 403
        assert BUTTON not in (await client.get("/admin", headers=VIEWER)).text
        by_browser = await client.post(BUTTON, data={"expect": "1"}, auth=("", "admin"))
        assert by_browser.status_code == 403, "a form without the proof of who asks"
    assert logged(log_database_url) == []


async def test_more_than_can_be_waited_for_are_left_to_the_command(
    redis: Redis, api: Callable[..., Api], log_database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    bury(log_database_url, [event(1), event(2)])
    monkeypatch.setattr(log_redrive, "MOST_AT_ONCE", 1)
    async with api(**TOKENS, log_database_url=log_database_url) as client:
        answer = await client.post(f"{PATH}/redrive", json={"expect": 2}, headers=ADMIN)
        assert (answer.status_code, "newar log redrive" in answer.text) == (409, True)
    async with api(**TOKENS, log_database_url=AWAY) as client:
        assert (await client.get(PATH, headers=ADMIN)).status_code == 503
        answer = await client.post(f"{PATH}/redrive", json={"expect": 2}, headers=ADMIN)
        assert (answer.status_code, "hidden" in answer.text) == (503, False)
        assert (await client.get(BUTTON, headers=ADMIN)).status_code == 303
    async with api(**TOKENS) as client:
        assert (await client.post(f"{PATH}/redrive", json={"expect": 2}, headers=ADMIN)).status_code == 503
        assert (await client.get(PATH, headers=ADMIN)).status_code == 404
    assert logged(log_database_url) == []
