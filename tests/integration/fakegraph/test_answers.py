"""Requests and answers: the ledger, connections, and clients that misbehave."""

import json

import pytest
import trio

from tests.integration.fakegraph.clients import (
    MESSAGES,
    connect,
    counts,
    fakegraph,
    raw_request,
    read_answers,
    read_to_end,
    send_body,
    until_requests,
)


async def test_what_was_answered_is_in_the_ledger() -> None:
    async with fakegraph() as client:
        answers = [(await client.post(MESSAGES, json=send_body(str(number)))).json() for number in range(3)]
        ledger = [json.loads(line) for line in (await client.get("/__ledger")).text.splitlines()]
        assert [(entry["recipient_id"], entry["message_id"]) for entry in ledger] == [
            (answer["recipient_id"], answer["message_id"]) for answer in answers
        ]
        assert set(ledger[0]) == {
            "page_id", "recipient_id", "metadata", "message_id", "answer", "accepted_at_ms",
        }  # fmt: skip
        summary = (await client.get("/__ledger/summary")).json()
        assert (summary["accepted"], summary["duplicates"]) == (3, 2)
        await client.post("/__reset")
        assert (await client.get("/__ledger")).text == ""


async def test_a_ledger_of_many_slices_is_streamed_whole() -> None:
    members = [
        {
            "method": "POST",
            "relative_url": "100/messages",
            "body": 'recipient={"id":"7"}&message={"metadata":"j=%d"}' % number,  # noqa: UP031
        }
        for number in range(50)
    ]
    async with fakegraph() as client:
        for _ in range(81):
            await client.post("/", json={"batch": members})
        lines = (await client.get("/__ledger")).text.splitlines()
        assert len(lines) == 4050
        assert (await client.get("/__ledger/summary")).json()["duplicates"] == 4000


async def test_connections_are_kept_and_those_of_the_control_not_counted() -> None:
    async with fakegraph() as client:
        stream = await connect(client)
        for _ in range(2):
            await stream.send_all(raw_request())
            await read_answers(stream, 1)
        state = await counts(client)
        assert (state["requests"], state["connections_opened"], state["connections_open"]) == (2, 1, 1)
        await stream.aclose()


async def test_pipelined_requests_are_answered_in_order() -> None:
    async with fakegraph("--latency-ms", "1") as client, await connect(client) as stream:
        people = [str(number) for number in range(250)]
        async with trio.open_nursery() as nursery:
            nursery.start_soon(stream.send_all, b"".join(map(raw_request, people)))
            answers = await read_answers(stream, len(people))
        assert [answer["recipient_id"] for answer in answers] == people


async def test_a_request_may_arrive_byte_by_byte() -> None:
    async with fakegraph() as client, await connect(client) as stream:
        stream.setsockopt(trio.socket.IPPROTO_TCP, trio.socket.TCP_NODELAY, 1)
        for byte in raw_request():
            await stream.send_all(bytes([byte]))
        assert (await read_answers(stream, 1))[0]["recipient_id"] == "7"


async def test_connection_close_is_obeyed() -> None:
    async with fakegraph() as client, await connect(client) as stream:
        await stream.send_all(raw_request(headers="Connection: close\r\n"))
        assert (await read_to_end(stream)).startswith(b"HTTP/1.1 200")


async def test_garbage_is_refused_and_harms_nobody_else() -> None:
    async with fakegraph() as client:
        for garbage in (b"\x16\x03\x01\x02\x00\x01\r\n\r\n", b"POST\r\n\r\n", b"CONNECT x:1 HTTP/1.1\r\n\r\n"):
            stream = await connect(client)
            await stream.send_all(garbage)
            assert (await read_to_end(stream)).startswith(b"HTTP/1.1 400")
            await stream.aclose()
        assert (await client.post(MESSAGES, json=send_body())).status_code == 200


@pytest.mark.parametrize(
    "flood",
    [
        b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1100000\r\n\r\n" + b"x" * 1_100_000,
        b"POST / HTTP/1.1\r\nHost: x\r\nX-Bomb: " + b"x" * 1_100_000,
        b"POST /" + b"x" * 1_100_000,
    ],
    ids=["body", "header", "path"],
)
async def test_more_than_a_megabyte_is_refused(flood: bytes) -> None:
    async with fakegraph() as client, await connect(client) as stream:
        await stream.send_all(flood)
        await stream.send_eof()
        assert (await read_to_end(stream)).startswith(b"HTTP/1.1 413")


async def test_a_client_that_vanishes_harms_nobody_else() -> None:
    async with fakegraph("--latency-ms", "50") as client:
        stream = await connect(client)
        await stream.send_all(raw_request())
        await until_requests(client, 1)
        await stream.aclose()
        assert (await client.post(MESSAGES, json=send_body("8"))).status_code == 200
        assert (await counts(client))["accepted"] == 2


async def test_a_page_limit_answers_613() -> None:
    async with fakegraph("--page-limit", "0.001") as client:
        answers = [await client.post(MESSAGES, json=send_body()) for _ in range(2)]
        assert [answer.status_code for answer in answers] == [200, 400]
        assert answers[1].json()["error"]["code"] == 613
