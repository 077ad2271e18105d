"""Answers that come in waves: what they say of a whole page or app is told once."""

from __future__ import annotations

import pytest
import trio
from structlog.testing import capture_logs

from schema.keys import key
from schema.runtime.asyncio_door import aio
from tests.integration.sender.world import World, people
from tests.patience import patience_s


@pytest.mark.parametrize(
    ("answer", "event", "paused"),
    [
        ("rate_80006", "page_pause", "page:100"),
        ("rate_4_app", "app_pause", "app"),
        ("source_ip_not_allowed_5", "app_breaker", "app"),
    ],
)
async def test_a_wave_of_answers_logs_one_pause(world: World, answer: str, event: str, paused: str) -> None:
    await world.control(errors={answer: 1.0}, latency_ms=100)
    await world.add("r", people(20))
    with capture_logs() as lines:
        async with world.sender(circuit_breaker_threshold=1):
            with trio.fail_after(patience_s()):
                while not await aio(world.redis.hexists, key(paused), "paused_until_ms"):
                    await trio.sleep(0.01)
    assert (await world.runs.facts(["r"]))["r"].outcomes["retrying"] > 1
    assert [line["event"] for line in lines].count(event) == 1
