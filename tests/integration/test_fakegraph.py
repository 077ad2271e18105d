"""The stand-in Graph API as a process, spoken to over real sockets."""

import json
import os
import signal
import ssl
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
import trio

from ops.fakegraph.process import FakeGraphDidNotStart, open_fakegraph

MESSAGES = "/v26.0/100/messages"
PROJECT = Path(__file__).resolve().parents[2]


def send_body(recipient_id: str = "7", job: str = "0f") -> dict[str, Any]:
    return {"recipient": {"id": recipient_id}, "message": {"text": "Hi", "metadata": f"j={job};a=1"}}


def raw_request(recipient_id: str = "7", *, headers: str = "") -> bytes:
    body = json.dumps(send_body(recipient_id)).encode()
    head = f"POST {MESSAGES} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer t\r\n{headers}"
    return f"{head}Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body


@asynccontextmanager
async def fakegraph(*args: str) -> AsyncIterator[httpx.AsyncClient]:
    """A server with these flags, and a client of it that sends a token."""
    with trio.fail_after(30):
        async with (
            open_fakegraph(*args) as url,
            httpx.AsyncClient(base_url=url, headers={"Authorization": "Bearer t"}, trust_env=False) as client,
        ):
            yield client


async def connect(client: httpx.AsyncClient) -> trio.SocketStream:
    address = urlsplit(str(client.base_url))
    assert address.hostname is not None
    assert address.port is not None
    return await trio.open_tcp_stream(address.hostname, address.port)


async def read_to_end(stream: trio.abc.ReceiveStream) -> bytes:
    return b"".join([part async for part in stream])


async def until_it_ends(stream: trio.SocketStream) -> None:
    """Wait for the server's end of it to close, cleanly or not, without another byte."""
    with suppress(trio.BrokenResourceError):
        assert await stream.receive_some() == b""


async def read_answers(stream: trio.SocketStream, count: int) -> list[dict[str, Any]]:
    """The bodies of that many answers with a content-length."""
    bodies: list[dict[str, Any]] = []
    data = b""
    while len(bodies) < count:
        head, end, rest = data.partition(b"\r\n\r\n")
        length = int(head.rpartition(b"content-length: ")[2]) if end else 0
        if end and len(rest) >= length:
            bodies.append(json.loads(rest[:length]))
            data = rest[length:]
            continue
        part = await stream.receive_some()
        assert part, "the connection ended within an answer"
        data += part
    return bodies


async def counts(client: httpx.AsyncClient) -> dict[str, Any]:
    return dict((await client.get("/__requests")).json())


async def control(client: httpx.AsyncClient, **change: object) -> dict[str, Any]:
    return dict((await client.post("/__control", json=change)).raise_for_status().json())


async def until_requests(client: httpx.AsyncClient, number: int) -> None:
    """Wait until the server has read so many requests."""
    while (await counts(client))["requests"] < number:  # noqa: ASYNC110 - another process counts
        await trio.sleep(0.005)


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


async def test_a_lost_answer_leaves_an_accepted_message() -> None:
    async with fakegraph() as client:
        await control(client, next=["fault_reset_after_full_request", "fault_read_timeout_after_full_request"])
        async with await connect(client) as stream:
            await stream.send_all(raw_request())
            with pytest.raises(trio.BrokenResourceError):
                await stream.receive_some()
        async with await connect(client) as stream:
            await stream.send_all(raw_request())
            await until_requests(client, 2)
        state = await counts(client)
        assert state["accepted"] == 2
        assert state["answers"] == {
            "fault_reset_after_full_request": 1,
            "fault_read_timeout_after_full_request": 1,
        }


async def test_an_idle_connection_closed_at_reuse_has_read_nothing() -> None:
    async with fakegraph() as client, await connect(client) as stream:
        await stream.send_all(raw_request())
        await read_answers(stream, 1)
        await control(client, errors={"fault_close_idle_keepalive": 1.0})
        await stream.send_all(raw_request())
        assert await stream.receive_some() == b""
        assert (await counts(client))["accepted"] == 1


async def test_a_cut_answer_ends_within_its_body() -> None:
    async with fakegraph("--errors", "truncated_json_200=1") as client:
        with pytest.raises(httpx.RemoteProtocolError):
            await client.post(MESSAGES, json=send_body())
        assert (await counts(client))["accepted"] == 1


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


async def test_a_page_limit_answers_613() -> None:
    async with fakegraph("--page-limit", "0.001") as client:
        answers = [await client.post(MESSAGES, json=send_body()) for _ in range(2)]
        assert [answer.status_code for answer in answers] == [200, 400]
        assert answers[1].json()["error"]["code"] == 613


async def test_tls_is_verified_against_the_authority_it_made(tmp_path: Path) -> None:
    body = send_body()
    async with open_fakegraph("--tls-self-signed", str(tmp_path)) as url:
        trusting = ssl.create_default_context(cafile=str(tmp_path / "ca.pem"))
        async with httpx.AsyncClient(verify=trusting, trust_env=False) as client:
            for base in (url, url.replace("127.0.0.1", "localhost")):
                answer = await client.post(f"{base}{MESSAGES}?access_token=t", json=body)
                assert answer.json()["recipient_id"] == "7"
        async with httpx.AsyncClient(trust_env=False) as client:
            with pytest.raises(httpx.ConnectError):
                await client.post(url + MESSAGES, json=body)
    assert (tmp_path / "key.pem").stat().st_mode & 0o077 == 0


async def test_a_fault_over_tls_is_a_reset_too(tmp_path: Path) -> None:
    errors = "fault_reset_after_full_request=1"
    async with open_fakegraph("--tls-self-signed", str(tmp_path), "--errors", errors) as url:
        trusting = ssl.create_default_context(cafile=str(tmp_path / "ca.pem"))
        async with httpx.AsyncClient(verify=trusting, trust_env=False) as client:
            with pytest.raises(httpx.ReadError):
                await client.post(f"{url}{MESSAGES}?access_token=t", json=send_body())


# The process


@asynccontextmanager
async def child(*args: str) -> AsyncIterator[trio.Process]:
    """The server's own process, whose end is watched here; its standard error is a pipe."""
    with trio.fail_after(30):
        process = await trio.lowlevel.open_process(
            [sys.executable, "-m", "ops.fakegraph", *args],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=PROJECT,
        )
        try:
            yield process
        finally:
            with trio.move_on_after(10, shield=True):
                process.kill()
                await process.wait()
                for pipe in (process.stdin, process.stdout, process.stderr):
                    assert pipe is not None
                    await pipe.aclose()


async def url_of(process: trio.Process) -> str:
    assert process.stdout is not None
    return str(json.loads(await process.stdout.receive_some())["url"])


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_ends_it_silently_with_connections_open(number: signal.Signals) -> None:
    async with child("--latency-ms", "60000") as process:
        async with (
            httpx.AsyncClient(base_url=await url_of(process), trust_env=False) as client,
            await connect(client) as busy,
            await connect(client) as idle,
        ):
            await busy.send_all(raw_request())
            await until_requests(client, 1)
            process.send_signal(number)
            assert await process.wait() == 0
            for stream in (busy, idle):
                await until_it_ends(stream)
        assert process.stderr is not None
        assert await read_to_end(process.stderr) == b""


async def test_vanishing_clients_leave_no_traceback() -> None:
    async with child("--errors", "fault_reset_after_full_request=0.5", "--seed", "1") as process:
        async with httpx.AsyncClient(base_url=await url_of(process), trust_env=False) as client:
            for number in range(20):
                async with await connect(client) as stream:
                    await stream.send_all(raw_request()[: None if number % 2 else 100])
            await until_requests(client, 10)
        process.terminate()
        assert await process.wait() == 0
        assert process.stderr is not None
        assert await read_to_end(process.stderr) == b""


async def test_the_end_of_standard_input_ends_it() -> None:
    async with child("--until-stdin-closes") as process:
        await url_of(process)
        assert process.stdin is not None
        await process.stdin.aclose()
        assert await process.wait() == 0


async def test_a_killed_parent_leaves_nothing_behind() -> None:
    parent_code = (
        "import trio\n"
        "from ops.fakegraph.process import open_fakegraph\n"
        "async def main():\n"
        "    async with open_fakegraph() as url:\n"
        "        print(url, flush=True)\n"
        "        await trio.sleep_forever()\n"
        "trio.run(main)\n"
    )
    with trio.fail_after(30):
        parent = await trio.lowlevel.open_process(
            [sys.executable, "-c", parent_code], stdout=subprocess.PIPE, cwd=PROJECT
        )
        assert parent.stdout is not None
        url = (await parent.stdout.receive_some()).decode().strip()
        async with httpx.AsyncClient(base_url=url, trust_env=False) as client, await connect(client) as stream:
            await counts(client)
            os.kill(parent.pid, signal.SIGKILL)
            await parent.wait()
            await until_it_ends(stream)
        await parent.stdout.aclose()


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (["--errors", "windy=0.1"], "no answer is named windy; there are: send_ok,"),
        (["--errors", "html_502=1.1"], "0 to 1"),
        (["--errors", "html_502"], "name=rate"),
        (["--latency-ms", "soon"], "--latency-ms"),
        (["--tls-cert", "missing.pem"], "--tls-key"),
        (["--tls-cert", "missing.pem", "--tls-key", "missing.pem"], "cannot be used"),
    ],
)
async def test_wrong_usage_ends_with_2_and_says_why(args: list[str], words: str) -> None:
    async with child(*args) as process:
        assert await process.wait() == 2
        assert process.stderr is not None
        message = (await read_to_end(process.stderr)).decode()
        assert words in message
        assert "Traceback" not in message


async def test_a_port_that_another_server_has_ends_with_1() -> None:
    async with open_fakegraph() as url, child("--port", str(urlsplit(url).port)) as process:
        assert await process.wait() == 1
        assert process.stderr is not None
        assert (await read_to_end(process.stderr)).startswith(b"fakegraph: cannot serve: ")


async def test_a_server_that_does_not_start_is_an_error_in_its_parent() -> None:
    with pytest.raises(FakeGraphDidNotStart, match="exit code 2"):
        async with open_fakegraph("--errors", "windy=1"):
            pytest.fail("it started")
