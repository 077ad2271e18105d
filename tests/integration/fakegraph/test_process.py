"""The process: its TLS files, its end by signals and with its parent, and what it says when it cannot start."""

import json
import os
import signal
import ssl
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest
import trio

from ops.fakegraph.child_process import FakeGraphDidNotStart, open_fakegraph
from tests.integration.fakegraph.clients import (
    MESSAGES,
    connect,
    counts,
    raw_request,
    read_to_end,
    send_body,
    until_it_ends,
    until_requests,
)
from tests.patience import patience_s

PROJECT = Path(__file__).resolve().parents[3]


async def test_tls_is_verified_against_the_authority_it_made(tmp_path: Path) -> None:
    body = send_body()
    async with open_fakegraph("--tls-self-signed", str(tmp_path)) as url:
        trusting = ssl.create_default_context(cafile=str(tmp_path / "ca.pem"))
        async with httpx.AsyncClient(verify=trusting, trust_env=False, timeout=patience_s()) as client:
            for base in (url, url.replace("127.0.0.1", "localhost")):
                answer = await client.post(f"{base}{MESSAGES}?access_token=t", json=body)
                assert answer.json()["recipient_id"] == "7"
        async with httpx.AsyncClient(trust_env=False, timeout=patience_s()) as client:
            with pytest.raises(httpx.ConnectError):
                await client.post(url + MESSAGES, json=body)
    assert (tmp_path / "key.pem").stat().st_mode & 0o077 == 0


@asynccontextmanager
async def child(*args: str) -> AsyncIterator[trio.Process]:
    """The server's own process, whose end is watched here; its standard error is a pipe."""
    with trio.fail_after(patience_s()):
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
            with trio.move_on_after(patience_s(), shield=True):
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
            httpx.AsyncClient(base_url=await url_of(process), trust_env=False, timeout=patience_s()) as client,
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
        async with httpx.AsyncClient(base_url=await url_of(process), trust_env=False, timeout=patience_s()) as client:
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
        "from ops.fakegraph.child_process import open_fakegraph\n"
        "async def main():\n"
        "    async with open_fakegraph() as url:\n"
        "        print(url, flush=True)\n"
        "        await trio.sleep_forever()\n"
        "trio.run(main)\n"
    )
    with trio.fail_after(patience_s()):
        parent = await trio.lowlevel.open_process(
            [sys.executable, "-c", parent_code], stdout=subprocess.PIPE, cwd=PROJECT
        )
        assert parent.stdout is not None
        url = (await parent.stdout.receive_some()).decode().strip()
        async with (
            httpx.AsyncClient(base_url=url, trust_env=False, timeout=patience_s()) as client,
            await connect(client) as stream,
        ):
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
