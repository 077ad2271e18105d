"""Faults on purpose: answers that are lost or cut, and connections that close."""

import ssl
from pathlib import Path

import httpx
import pytest
import trio

from ops.fakegraph.child_process import open_fakegraph
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
from tests.patience import patience_s


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


async def test_a_fault_over_tls_is_a_reset_too(tmp_path: Path) -> None:
    errors = "fault_reset_after_full_request=1"
    async with open_fakegraph("--tls-self-signed", str(tmp_path), "--errors", errors) as url:
        trusting = ssl.create_default_context(cafile=str(tmp_path / "ca.pem"))
        async with httpx.AsyncClient(verify=trusting, trust_env=False, timeout=patience_s()) as client:
            with pytest.raises(httpx.ReadError):
                await client.post(f"{url}{MESSAGES}?access_token=t", json=send_body())
