"""What a list shows of each page: as the claim sees it, in slices that never keep Redis long."""

from __future__ import annotations

from redis import Redis as Admin
from redis.asyncio import Redis

from schema.keys import key
from sender.queue import page_looks
from sender.queue.limit_queue import Defaults, LimitQueue
from sender.queue.page_looks import PageLook, PageLooks
from sender.queue.page_queue import PageFacts, PageQueue
from sender.queue.run_queue import RunQueue
from sender.queue.session_queue import Limits
from tests.integration.queue.answers import THROTTLED, Answering, used
from tests.integration.queue.jobs import enqueue, open_queue, run_of

DEFAULTS = Defaults(text=50, media=10, app=0)


async def look(redis: Redis) -> dict[str, PageLook]:
    looks = PageLooks(redis)
    return {row.page_id: row async for _, rows in looks.look(await looks.ids(), DEFAULTS) for row in rows}


async def test_a_page_shows_its_name_its_limits_and_what_has_its_turn(redis: Redis, runs: RunQueue) -> None:
    await enqueue(runs, run_of("r"), 100)
    await PageQueue(redis).set_page(PageFacts(page_id="1", limit_text=30, name="Ana's \u202e<b>\0"))
    page = (await look(redis))["1"]
    assert (page.name, page.text_limit, page.text_now, page.media_now) == ("Ana's \u202e<b>\0", 30, 30, 10)
    assert (page.waiting, page.trouble) == (100, [])
    assert page.oldest_ms > 0


async def test_what_slows_a_page_is_told_as_newar_limits_tells_it(redis: Redis, runs: RunQueue) -> None:
    await enqueue(runs, run_of("r"), 100)
    sender = Answering(await open_queue(redis, Limits(text=50, media=10, app=0)))
    await sender.answer(await sender.claim(5), used(), used(), THROTTLED)
    page, told = (await look(redis))["1"], (await LimitQueue(redis).explain(["1"], DEFAULTS)).pages["1"]
    assert 0 < page.text_now < 50
    assert page.text_rate > 0
    assert page.fields["pace_rule"] == told["pace_rule"] == "throttled-pace"
    assert set(page.fields) - {"slowed"} <= set(told)
    assert abs(int(page.fields["full_us"]) - int(told["full_us"])) < 10e6


async def test_pages_with_many_runs_are_looked_at_in_more_steps_and_none_is_left_out(
    redis: Redis, admin: Admin
) -> None:
    pages = [str(n) for n in range(600)]
    admin.sadd(key("pages"), *pages)
    for page in pages[:5]:
        admin.zadd(key(f"lane:{page}/text"), {f"{page}:{n}": n for n in range(900)})
        admin.rpush(key(f"jobs:{page}:899"), "record", "record")
    steps = [rows async for _, rows in PageLooks(redis).look(pages, DEFAULTS)]
    assert [row.page_id for rows in steps for row in rows] == pages
    assert len(steps) > 1 + len(pages) // page_looks.AT_ONCE
    assert [row.waiting for rows in steps for row in rows][:6] == [2, 2, 2, 2, 2, 0]


async def test_newar_page_list_has_names_and_asks_in_few_round_trips(redis: Redis, admin: Admin) -> None:
    pages = [f"{n:05}" for n in range(1200)]
    admin.sadd(key("pages"), *pages)
    admin.hset(key("page:00007"), mapping={"name": "Seven", "breaker": "open"})
    queue = PageQueue(redis)
    await queue.list()  # loads the script
    before = _calls(admin)
    listed = await queue.list()
    assert _calls(admin) - before == 4
    assert [page.page_id for page in listed] == pages
    assert [(page.name, page.breaker) for page in listed if page.name] == [("Seven", "open")]
    assert await queue.names(pages) == {"00007": "Seven"}


def _calls(admin: Admin) -> int:
    stats = admin.info("commandstats")
    return sum(int(stats[f"cmdstat_{name}"]["calls"]) for name in ("evalsha", "smembers"))
