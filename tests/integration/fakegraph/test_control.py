"""The control: what is changed while the stand-in runs."""

import json
import time

import pytest
import trio

from tests.integration.fakegraph.clients import (
    MESSAGES,
    connect,
    control,
    counts,
    fakegraph,
    raw_request,
    read_answers,
    send_body,
    until_requests,
)


async def test_the_control_changes_what_is_answered() -> None:
    async with fakegraph() as client:
        settings = await control(client, errors={"html_502": 1.0}, latency_ms=1, page_limit=100)
        assert (settings["errors"], settings["page_limit"]) == ({"html_502": 1.0}, 100)
        assert (await client.post(MESSAGES, json=send_body())).status_code == 502
        assert (await control(client, errors={}, page_limit=None))["latency_ms"] == 1
        assert (await client.post(MESSAGES, json=send_body())).status_code == 200


@pytest.mark.parametrize(
    "change",
    [
        {"errors": {"windy": 1}},
        {"eror": 1},
        {"next": ["windy"], "latency_ms": 9},
        {"latency_p99_ms": 1},
        {"latency_ms": -1},
        {"page_limit": 0},
        {"usage": {"100": 85}, "outages": [{"from_s": 0, "for_s": 1, "kind": "storm"}]},
        {"hidden_limits": {"100": [[0, 5], [0, 6]]}},
        {"people": {"613": 2}, "latency_ms": 9},
        [],
    ],
)
async def test_a_refused_change_changes_nothing(change: object) -> None:
    async with fakegraph() as client:
        before = await control(client)
        answer = await client.post("/__control", json=change)
        assert answer.status_code == 400
        assert answer.json()["error"]
        assert await control(client) == before


async def test_unknown_control_paths_are_answered_with_those_that_exist() -> None:
    async with fakegraph() as client:
        answer = await client.get("/__legder")
        assert answer.status_code == 404
        assert "GET /__ledger" in answer.json()["error"]


async def test_a_pause_holds_answers_but_not_messages() -> None:
    async with fakegraph() as client, await connect(client) as stream:
        await control(client, pause=True)
        await stream.send_all(raw_request())
        await until_requests(client, 1)
        assert (await counts(client))["accepted"] == 1
        await control(client, pause=False)
        assert len(await read_answers(stream, 1)) == 1


async def test_connections_are_refused_until_told_otherwise_on_the_same_port() -> None:
    async with fakegraph() as client, await connect(client) as idle:
        await control(client, refuse_ms=600_000)
        assert await idle.receive_some() == b""
        with pytest.raises(OSError, match=r"refused|connect"):
            await connect(client)
        assert (await control(client, refuse_ms=0))["refuse"] is False
        await (await connect(client)).aclose()


async def test_connections_are_taken_again_after_the_time_named() -> None:
    async with fakegraph() as client:
        await control(client, refuse_ms=50)
        while (await control(client))["refuse"]:  # noqa: ASYNC110 - another process opens
            await trio.sleep(0.01)
        await (await connect(client)).aclose()


async def test_what_came_in_and_what_limits_let_through_can_be_asked() -> None:
    async with fakegraph("--behaviour", '{"hidden_limits": {"100": 0.001}}') as client:
        began_ms = time.time() * 1000
        for person in ("7", "8"):
            await client.post(MESSAGES, json=send_body(person))
        posts = [json.loads(line) for line in (await client.get("/__posts")).text.splitlines()]
        assert [(p["page"], p["person"], p["answer"]) for p in posts] == [
            ("100", "7", "send_ok"),
            ("100", "8", "rate_613_plain"),
        ]
        assert began_ms - 1 <= posts[0]["at_ms"] <= posts[1]["at_ms"] <= time.time() * 1000 + 1
        limits = (await client.get("/__limits")).json()
        assert (limits["100"]["let_through"], limits["100"]["refused"]) == (1, 1)
        await client.post("/__reset")
        assert (await client.get("/__posts")).text == ""
        assert (await client.get("/__limits")).json() == {}


async def test_an_outage_that_refuses_connections_begins_by_itself_comes_again_and_is_called_off() -> None:
    async with fakegraph() as client, await connect(client) as idle:
        told = await control(client, outages=[{"from_s": 0, "for_s": 0.05, "every_s": 0.1, "kind": "refuse"}])
        assert told["outages"][0]["kind"] == "refuse"
        assert await idle.receive_some() == b""
        for refused in (False, True, False):
            while (await control(client))["refuse"] is not refused:  # noqa: ASYNC110 - another process refuses
                await trio.sleep(0.005)
        await control(client, outages=[{"from_s": 0, "for_s": 600, "kind": "refuse"}])
        while not (await control(client))["refuse"]:  # noqa: ASYNC110 - another process refuses
            await trio.sleep(0.005)
        assert (await control(client, outages=[]))["refuse"] is False
        await (await connect(client)).aclose()
