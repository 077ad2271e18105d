"""`Idempotency-Key`: what is sent again is done once, whichever process it comes to."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest
import trio
from redis import Redis
from redis.asyncio import Redis as AsyncRedis

from ops.api.door import once
from schema.keys import key
from schema.runtime.asyncio_door import aio
from schema.runtime.redis import open_redis
from sender.queue.known_requests import KEEP_MS, MOST_OF_A_CALLER, OURS_MS, KnownRequest
from tests.integration.api.rest.steering.steerers import ADMIN, AWAY, TOKENS, trail
from tests.integration.api.serving import Api
from tests.patience import patience_s
from tests.unit.api.contents import write_run

KEY = {**ADMIN, "Idempotency-Key": "8e03978e-40d5-43dd-bc93-6894a57f9324"}


@asynccontextmanager
async def queue_of(redis_url: str) -> AsyncIterator[AsyncRedis]:
    redis = open_redis(redis_url)
    try:
        yield redis
    finally:
        with trio.move_on_after(patience_s(), shield=True):
            await aio(redis.aclose)


def kept(redis: Redis) -> list[Any]:
    """Return what is remembered of one request: there is no other."""
    names: Any = redis.keys(key("request:*"))
    assert len(names) == 1
    return [redis.hgetall(names[0]), redis.pttl(names[0])]


async def test_a_request_sent_again_gets_the_first_answer_and_is_not_done_again(
    redis: Redis, api: Callable[..., Api]
) -> None:
    write_run(redis, "r", left=3)
    async with api(**TOKENS) as client:
        first = await client.post("/api/v1/runs/r/pause", headers=KEY)
    redis.hset(key("run:r"), "left", 2)
    redis.hdel(key("run:r"), "hold:operator")
    async with api(**TOKENS) as client:  # another process, or the same after a restart
        quoted = {**KEY, "Idempotency-Key": f'"{KEY["Idempotency-Key"]}"'}
        for headers in (KEY, quoted):
            again = await client.post("/api/v1/runs/r/pause", headers=headers)
            assert (again.status_code, again.content) == (200, first.content)
            assert again.headers["Content-Type"] == first.headers["Content-Type"]
        assert not redis.hexists(key("run:r"), "hold:operator")
        assert (await client.post("/api/v1/runs/r/pause", headers=ADMIN)).json()["left"] == 2
    assert len(trail(redis)) == 2
    _fields, ttl_ms = kept(redis)
    assert KEEP_MS - 600_000 < ttl_ms <= KEEP_MS


async def test_a_key_stands_for_one_request_of_one_caller(redis: Redis, api: Callable[..., Api]) -> None:
    write_run(redis, "r", left=3)
    redis.sadd(key("pages"), "7")
    async with api(**TOKENS) as client:
        assert (await client.post("/api/v1/pages/7/limits", json={"per_second": 2}, headers=KEY)).status_code == 200
        for path, body in (
            ("/api/v1/pages/7/limits", {"per_second": 3}),
            ("/api/v1/pages/7/limits?x=1", {"per_second": 2}),
            ("/api/v1/pages/1/limits", {"per_second": 2}),
            ("/api/v1/runs/r/pause", None),
        ):
            response = await client.post(path, json=body, headers=KEY)
            assert (response.status_code, "another request" in response.json()["detail"]) == (422, True)
    async with api(admin_token="other", viewer_token="admin") as client:  # somebody else with the same key
        assert (await client.post("/api/v1/pause", headers=KEY)).status_code == 403
    assert len(trail(redis)) == 1


async def test_of_many_at_once_to_two_processes_one_is_done(redis: Redis, api: Callable[..., Api]) -> None:
    pages = [str(n) for n in range(200)]
    redis.sadd(key("pages"), *pages)
    answers: list[httpx.Response] = []

    async def send(client: httpx.AsyncClient) -> None:
        answers.append(await client.post("/api/v1/pages/pause", json={"pages": pages}, headers=KEY))

    async with api(**TOKENS) as one, api(**TOKENS) as other:
        async with trio.open_nursery() as nursery:
            for client in (one, other) * 8:
                nursery.start_soon(send, client)
        assert {answer.status_code for answer in answers} <= {200, 409}
        await send(other)
    assert len({answer.content for answer in answers if answer.status_code == 200}) == 1
    assert answers[-1].status_code == 200
    assert len(trail(redis)) == len(pages)


async def test_while_the_first_is_answered_the_second_is_told_to_wait_and_a_dead_one_makes_room(
    redis: Redis, redis_url: str, api: Callable[..., Api]
) -> None:
    async with api(**TOKENS) as client, queue_of(redis_url) as other:
        body = b"POST\0/api/v1/pause\0\0"
        first = KnownRequest(other, "ADMIN_TOKEN", KEY["Idempotency-Key"], body)
        assert (await first.begin()).status == "new"
        response = await client.post("/api/v1/pause", headers=KEY)
        assert (response.status_code, response.headers["Retry-After"]) == (409, "1")
        name = next(iter(redis.keys(key("request:*"))))
        assert 0 < redis.pttl(name) <= OURS_MS
        redis.delete(name)  # as it ends by itself
        assert (await client.post("/api/v1/pause", headers=KEY)).status_code == 200
        await first.answered(b"late")  # whose request it is no more
        assert (await client.post("/api/v1/pause", headers=KEY)).json()["done"] == "paused"
    assert len(trail(redis)) == 1


async def test_what_could_not_be_done_is_tried_anew_and_what_was_refused_is_not(
    redis: Redis, api: Callable[..., Api]
) -> None:
    async with api(**TOKENS, log_database_url=AWAY) as client:
        assert (await client.post("/api/v1/runs/r/pause", headers=KEY)).status_code == 503
        assert redis.keys(key("request:*")) == []
        write_run(redis, "r", left=3, state="finished")
        refused = await client.post("/api/v1/runs/r/pause", headers=KEY)
        assert refused.status_code == 409
        redis.hset(key("run:r"), "state", "active")
        assert (await client.post("/api/v1/runs/r/pause", headers=KEY)).content == refused.content
    assert trail(redis) == []


async def test_an_act_that_takes_long_stays_known_as_under_way(
    redis: Redis, api: Callable[..., Api], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(once, "OURS_MS", 30)  # renewed every 10 ms, for as long as ever
    pages = [str(n) for n in range(1000)]
    redis.sadd(key("pages"), *pages)
    async with api(**TOKENS) as client:
        response = await client.post("/api/v1/pages/pause", json={"pages": pages}, headers=KEY)
        assert response.status_code == 200
    assert kept(redis)[0][b"token"] == b""


async def test_the_newest_requests_of_a_caller_are_kept(
    redis: Redis, redis_url: str, asyncio_loop: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sender.queue.known_requests.MOST_OF_A_CALLER", 3)
    assert MOST_OF_A_CALLER == 10_000
    async with queue_of(redis_url) as queue:
        for n in range(5):
            assert (await KnownRequest(queue, "ann", str(n), b"x").begin()).status == "new"
        assert (await KnownRequest(queue, "bob", "4", b"x").begin()).status == "new"
        states = [(await KnownRequest(queue, "ann", str(n), b"x").begin()).status for n in (4, 3, 2)]
        assert states == ["under way"] * 3
        assert (await KnownRequest(queue, "ann", "0", b"x").begin()).status == "new"
    assert len(list(redis.keys(key("request:*")))) == 4


async def test_a_client_that_goes_away_stops_nothing_half_way(redis: Redis, api: Callable[..., Api]) -> None:
    pages = [str(n) for n in range(2000)]
    redis.sadd(key("pages"), *pages)
    async with api(**TOKENS) as client:
        with trio.move_on_after(10) as gone:
            async with trio.open_nursery() as nursery:

                async def send() -> None:
                    await client.post("/api/v1/pages/pause", json={"pages": pages}, headers=KEY)

                nursery.start_soon(send)
                while not redis.xlen(key("audit")):
                    await trio.sleep(0.001)
                nursery.cancel_scope.cancel()
        assert not gone.cancelled_caught
    assert redis.xlen(key("audit")) == len(pages)  # the service has ended softly, and with it what it was doing
