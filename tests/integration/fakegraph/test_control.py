"""The control: what is changed while the stand-in runs."""

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
