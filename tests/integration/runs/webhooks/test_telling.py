"""A platform is told of runs: at least once, in order, whatever it answers and whoever dies."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import trio
from pydantic import SecretStr
from structlog.testing import capture_logs

from schema.snapshot import RunsSnapshot
from sender.runs.webhooks import teller as teller_module
from sender.runs.webhooks.settings import WebhookSettings
from sender.runs.webhooks.teller import Teller
from tests.integration.runs.serving import serving, settings, until
from tests.integration.runs.webhooks.platform import HANG, HANG_UP, SECRET, Platform, open_platform
from tests.integration.runs.world import KEY, World
from tests.integration.up.processes import newar
from tests.unit.runs.test_signed_message import verified

WAITING = "SELECT count(*) FROM run_webhooks WHERE given_up_at IS NULL"


@pytest.fixture
def platform() -> Iterator[Platform]:
    with open_platform() as opened:
        yield opened


def teller(world: World, platform: Platform | None, figures: RunsSnapshot | None = None) -> Teller:
    url = SecretStr(platform.url) if platform else None
    wanted = WebhookSettings(run_webhook_url=url, run_webhook_secret=SecretStr(SECRET))
    return Teller(world.database(), wanted, figures or world.figures)


def refused(world: World, *run_ids: str) -> None:
    for run_id in run_ids:
        world.sql("INSERT INTO runs (run_id, page_id, source, state) VALUES (%s, '100', 'source', 'refused')", run_id)


def taken_after_all(world: World, run_id: str) -> None:
    world.sql("UPDATE runs SET state = 'finished', outcomes = '{\"sent\": 2}' WHERE run_id = %s", run_id)


def due_now(world: World) -> None:
    world.sql("UPDATE run_webhooks SET next_try_at = now()")


async def test_the_platform_hears_and_can_verify_it(world: World, platform: Platform) -> None:
    refused(world, "r")
    await teller(world, platform).tell()
    [told] = platform.told
    assert verified(SECRET, told.headers, told.body)
    assert told.headers["content-type"] == "application/json"
    assert told.said["type"] == "run.refused"
    assert told.said["data"] == {
        "run_id": "r",
        "page_id": "100",
        "event": "run.refused",
        "status": "refused",
        "recipients": 0,
        "outcomes": {},
        "at": told.said["timestamp"],
    }
    assert world.sql(WAITING) == [0]
    assert (world.figures.webhooks_sent, world.figures.webhooks_waiting) == (1, 0)


@pytest.mark.parametrize("answer", [500, 404, 302, 429, HANG_UP, HANG])
async def test_what_was_not_taken_is_sent_again_with_the_same_id_and_before_what_followed(
    world: World, platform: Platform, monkeypatch: pytest.MonkeyPatch, answer: int
) -> None:
    if answer == HANG:
        monkeypatch.setattr(teller_module, "ANSWER_WITHIN_S", 0.2)
    refused(world, "r", "other")
    taken_after_all(world, "r")
    platform.only_once["r"] = answer
    await teller(world, platform).tell()
    assert (platform.of("r"), platform.of("other")) == (["run.refused"], ["run.refused"])
    assert world.figures.webhooks_failed == 1
    await teller(world, platform).tell()
    assert platform.of("r") == ["run.refused"]  # its pause is not over
    due_now(world)
    await teller(world, platform).tell()
    await teller(world, platform).tell()
    assert platform.of("r") == ["run.refused", "run.refused", "run.finished"]
    first, again, then = [told.id for told in platform.told if told.said["data"]["run_id"] == "r"]
    assert first == again != then
    assert world.sql(WAITING) == [0]
    assert not world.figures.webhook_down


async def test_pauses_grow(world: World, platform: Platform) -> None:
    refused(world, "r")
    platform.status = 503
    pauses = []
    for _ in range(10):
        due_now(world)
        await teller(world, platform).tell()
        pauses += world.sql("SELECT extract(epoch FROM next_try_at - now())::float8 FROM run_webhooks")
    assert [round(pause / 30) for pause in pauses] == [1, 2, 4, 8, 16, 32, 64, 120, 120, 120]


async def test_after_a_day_it_is_given_up_and_what_followed_is_sent(world: World, platform: Platform) -> None:
    refused(world, "r")
    taken_after_all(world, "r")
    platform.only_once["r"] = 500
    await teller(world, platform).tell()
    world.sql("UPDATE run_webhooks SET at = at - interval '25 hours', next_try_at = now()")
    with capture_logs() as logged:
        await teller(world, platform).tell()
    assert [(line["event"], line["run_id"]) for line in logged] == [("webhook_given_up", "r")]
    assert platform.of("r") == ["run.refused", "run.finished"]
    assert world.figures.webhooks_given_up == 1
    assert world.sql("SELECT event FROM run_webhooks WHERE given_up_at IS NOT NULL") == ["run.refused"]


async def test_several_at_once_send_each_once_and_in_order(world: World, platform: Platform) -> None:
    run_ids = [f"r{n}" for n in range(60)]
    refused(world, *run_ids)
    for run_id in run_ids:
        taken_after_all(world, run_id)
    async with trio.open_nursery() as nursery:
        for _ in range(3):
            nursery.start_soon(_tell_all, world, teller(world, platform, RunsSnapshot()))
    assert all(platform.of(run_id) == ["run.refused", "run.finished"] for run_id in run_ids)


async def _tell_all(world: World, one: Teller) -> None:
    while world.sql(WAITING) != [0]:
        await one.tell()


async def test_one_that_dies_between_sending_and_noting_loses_nothing(world: World, platform: Platform) -> None:
    refused(world, "r")
    platform.status = HANG
    async with trio.open_nursery() as nursery:
        nursery.start_soon(teller(world, platform).tell)
        await until(lambda: len(platform.told) == 1)
        nursery.cancel_scope.cancel()
    platform.status = 200
    due_now(world)
    await teller(world, platform).tell()
    assert len({told.id for told in platform.told}) == 1 < len(platform.told)
    assert world.sql(WAITING) == [0]


async def test_a_process_that_is_killed_while_it_sends_loses_nothing(
    world: World, platform: Platform, tmp_path: Path
) -> None:
    refused(world, "r")
    platform.status = HANG
    addresses = {"REDIS_URL": world.redis_url, "LOG_DATABASE_URL": world.url, "SOURCE_DATABASE_URL": ""}
    told = {"RUN_WEBHOOK_URL": platform.url, "RUN_WEBHOOK_SECRET": SECRET}
    with newar("runs", cwd=tmp_path, **addresses, **told, TOKEN_ENCRYPTION_KEY=KEY.get_secret_value()) as process:
        await until(lambda: len(platform.told) == 1)
        process.kill()
    platform.status = 200
    due_now(world)
    await teller(world, platform).tell()
    assert len({told.id for told in platform.told}) == 1 < len(platform.told)
    assert world.sql(WAITING) == [0]


async def test_where_nobody_wants_to_hear_nothing_piles_up(world: World) -> None:
    refused(world, "old", "new")
    world.sql("UPDATE run_webhooks SET at = at - interval '2 hours' WHERE run_id = 'old'")
    await teller(world, None).tell()
    assert world.sql("SELECT run_id FROM run_webhooks") == ["new"]


async def test_a_platform_that_hangs_holds_nothing_up(world: World, platform: Platform) -> None:
    platform.status = HANG
    wanted = settings(world, run_webhook_url=SecretStr(platform.url), run_webhook_secret=SecretStr(SECRET))
    refusal = world.run("1", message={})
    async with serving(wanted):
        await until(lambda: platform.of(refusal) == ["run.refused"])
        later = world.run("1", "2")
        await until(lambda: world.sql("SELECT state FROM runs WHERE run_id = %s", later) == ["active"])
        platform.let_go.set()


async def test_no_address_and_no_secret_comes_into_the_log(world: World) -> None:
    with open_platform() as gone:
        pass
    gone.url = gone.url.replace("http://", "http://user:geheim@") + "?key=geheim"
    refused(world, "r")
    with capture_logs() as logged:
        await teller(world, gone).tell()
    assert [line["event"] for line in logged] == ["webhook_failed"]
    assert "geheim" not in str(logged)
    assert SECRET not in str(logged)
