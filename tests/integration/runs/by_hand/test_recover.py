"""A queue that is lost, and what `newar run recover` makes of it: nothing already sent goes out again."""

from __future__ import annotations

import shutil
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import redis
import trio

from ops.acts.not_done import ActRefused
from ops.acts.run_recovery import NOTICED_WITHIN_S, recover_run
from ops.acts.settings import RecoverSettings
from sender.runs.by_hand.errors import RunUnusable
from sender.settings import SenderSettings
from tests.guarded import Guarded
from tests.integration.runs.by_hand.own_redis import open_own_redis
from tests.integration.runs.by_hand.world import Again, made, people

PROJECT = Path(__file__).parents[3]
TASKS = 20


def sent_twice(accepted: list[str]) -> list[str]:
    return [recipient for recipient, times in Counter(accepted).items() if times > 1]


async def test_queue_emptied_in_mid_run_goes_on_with_the_rest_only(again: Again) -> None:
    everybody = people(500)
    run = again.db.run(*everybody)
    async with again.serving("runs", "sender", "ingest"):
        await again.accepted_at_least(150)
        again.db.lose_redis()
        await again.state(run, "queue_lost")
        recovered = await again.recover(run)
        assert 150 <= recovered.ended < 500
        assert await again.adds_up(run, everybody) == {"sent": 500}
    assert sorted(await again.accepted()) == everybody


async def test_queue_emptied_while_the_run_is_being_enqueued_reaches_everybody_once(again: Again) -> None:
    everybody = people(600)
    run = again.db.run(*everybody)
    again.values["enqueue_chunk"] = 10
    async with again.serving("runs", "sender", "ingest"):
        await again.accepted_at_least(20)
        again.db.lose_redis()
        await again.state(run, "queue_lost")
        await again.recover(run)
        assert await again.adds_up(run, everybody) == {"sent": 600}
    assert sent_twice(await again.accepted()) == []


async def test_queue_lost_once_more_while_it_is_being_recovered(again: Again) -> None:
    everybody = people(600)
    run = again.db.run(*everybody)
    async with again.serving("runs", "sender", "ingest"):
        for before in (100, 250):
            await again.accepted_at_least(before)
            again.db.lose_redis()
            await again.state(run, "queue_lost")
            await again.recover(run)
        assert await again.adds_up(run, everybody) == {"sent": 600}
    assert sent_twice(await again.accepted()) == []


async def test_redis_that_comes_back_empty_after_a_while(
    again: Again, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The settled events that stood in its outbox, and the answers that came while it was away, are not forgotten."""
    monkeypatch.setattr("ops.acts.run_recovery.NOTICED_WITHIN_S", NOTICED_WITHIN_S)
    everybody = people(500)
    run = again.db.run(*everybody)
    async with open_own_redis(tmp_path) as server:
        again.values["redis_url"] = server.url
        async with again.serving("runs", "sender", "ingest"):
            await again.accepted_at_least(150)
            server.kill()
            await trio.sleep(0.5)
            await server.start()
            await again.state(run, "queue_lost")
            await again.recover(run)
            assert await again.adds_up(run, everybody) == {"sent": 500}
    assert sent_twice(await again.accepted()) == []


async def test_unknown_and_retried_attempts_keep_their_numbers_and_outcomes(again: Again) -> None:
    everybody = people(400)
    run = again.db.run(*everybody)
    await again.control(errors={"fault_reset_after_full_request": 0.1, "transient_2_service_unavailable": 0.2})
    async with again.serving("runs", "sender", "ingest"):
        await again.accepted_at_least(120)
        again.db.lose_redis()
        await again.control(errors={})
        await again.state(run, "queue_lost")
        await again.recover(run)
        outcomes = await again.adds_up(run, everybody)
    assert outcomes["sent"] + outcomes["unknown"] == 400
    assert outcomes["unknown"] > 0
    assert sent_twice(await again.accepted()) == []
    assert (
        again.db.sql("SELECT recipient_id FROM message_logs GROUP BY recipient_id, attempt HAVING count(*) > 1") == []
    )


async def test_finished_run_is_not_touched_when_the_queue_is_lost(again: Again) -> None:
    everybody = people(40)
    run = again.db.run(*everybody)
    async with again.serving("runs", "sender", "ingest"):
        await again.adds_up(run, everybody)
        again.db.lose_redis()
        other = again.db.run("1")
        await again.adds_up(other, ["1"])
        with pytest.raises(RunUnusable, match="finished: there is nothing to recover"):
            await again.recover(run)
    assert sorted(await again.accepted()) == sorted([*everybody, "1"])


async def test_end_that_the_registry_had_not_seen_is_recovered_without_a_message(again: Again) -> None:
    everybody = people(40)
    run = again.db.run(*everybody)
    async with again.serving("ingest"):
        async with again.serving("runs"):
            await again.state(run, "active")
        async with again.serving("sender"):
            await again.until(lambda: len(again.final(run)) == 40, "all rows")
        again.db.lose_redis()
        async with again.serving("runs", "sender"):
            assert (await again.recover(run)).ended == 40
            assert await again.adds_up(run, everybody) == {"sent": 40}
    assert sorted(await again.accepted()) == everybody


async def test_wrong_address_sends_nothing_and_the_right_one_again_goes_on_by_itself(
    again: Again, tmp_path: Path
) -> None:
    everybody = people(400)
    run = again.db.run(*everybody)
    async with again.serving("ingest"), open_own_redis(tmp_path) as wrong:
        async with again.serving("runs", "sender"):
            await again.accepted_at_least(100)
        so_far = len(await again.accepted())
        async with again.serving("runs", "sender", redis_url=wrong.url):
            await again.state(run, "queue_lost")
            other = again.db.run("1")
            await again.adds_up(other, ["1"])
        assert len(await again.accepted()) == so_far + 1
        async with again.serving("runs", "sender"):
            assert await again.adds_up(run, everybody) == {"sent": 400}
    assert sent_twice(await again.accepted()) == []


async def test_old_queue_set_back_after_its_run_was_recovered_elsewhere_is_held(again: Again, tmp_path: Path) -> None:
    everybody = people(300)
    run, old = again.db.run(*everybody), again.values["redis_url"]
    async with again.serving("ingest"), open_own_redis(tmp_path) as new:
        async with again.serving("runs", "sender"):
            await again.accepted_at_least(100)
        again.values["redis_url"] = new.url
        async with again.serving("runs", "sender"):
            await again.recover(run)
            assert await again.adds_up(run, everybody) == {"sent": 300}
        again.values["redis_url"] = old
        async with again.serving("runs"):

            async def held() -> bool:
                return (await again.facts(run, old)).held_by == ["registry"]

            await again.until(held, "the hold")
            async with again.serving("sender"):
                other = again.db.run("1")
                await again.adds_up(other, ["1"])
    assert sent_twice(await again.accepted()) == []


async def test_sender_killed_with_its_queue_doubles_at_most_what_was_in_its_hands(again: Again, tmp_path: Path) -> None:
    everybody = people(600)
    run = again.db.run(*everybody)
    async with again.serving("runs", "ingest"):
        sender = start_sender(again, tmp_path)
        await again.accepted_at_least(150)
        sender.kill()
        again.db.lose_redis()
        await again.state(run, "queue_lost")
        await again.recover(run)
        async with again.serving("sender"):
            assert await again.adds_up(run, everybody) == {"sent": 600}
    doubled = sent_twice(await again.accepted())
    print(f"doubled: {len(doubled)} of {TASKS} in flight")
    assert len(doubled) <= TASKS + 60  # and what was settled in the last tenth of a second


def start_sender(again: Again, folder: Path) -> Guarded:
    names = [n for n in made_names() if n in again.values]
    values = [f"{name.upper()}={_plain(again.values[name])}" for name in names]
    program = shutil.which("env")
    assert program is not None
    command = [program, f"PYTHONPATH={PROJECT}", *values, sys.executable, "-m", "ops", "sender"]
    return Guarded(command, folder, folder / "sender.log")


def made_names() -> list[str]:
    return list(SenderSettings.model_fields)


def _plain(value: Any) -> str:
    return str(value.get_secret_value() if hasattr(value, "get_secret_value") else value)


async def test_too_early_and_incomplete_logs_are_refused_with_what_to_do(again: Again) -> None:
    everybody = people(200)
    run = again.db.run(*everybody)
    settings = made(RecoverSettings, again.values)
    with pytest.raises(RunUnusable, match="no run has the id"):
        await recover_run(settings, "nobody's", "ana")
    async with again.serving("runs", "sender", "ingest"):
        await again.accepted_at_least(30)
        with pytest.raises(RunUnusable, match="this Redis holds its queue"):
            await recover_run(settings, run, "ana")
    again.db.lose_redis()
    with pytest.raises(ActRefused, match=r"still come in; try again in \d s"):
        await recover_run(settings, run, "ana")
    assert again.db.state(run) == "queue_lost"


async def test_recovery_waits_for_events_that_are_in_the_topic_and_not_in_the_log(again: Again) -> None:
    everybody = people(200)
    run = again.db.run(*everybody)
    async with again.serving("runs", "sender"):
        await again.accepted_at_least(60)
        again.db.lose_redis()
        await again.state(run, "queue_lost")
        with pytest.raises(ActRefused, match="events of the topic are not in the log database yet"):
            await again.recover(run, rows_within_s=3)
        assert again.db.state(run) == "queue_lost"
        async with again.serving("ingest"):
            await again.recover(run)
            assert await again.adds_up(run, everybody) == {"sent": 200}
    assert sent_twice(await again.accepted()) == []


async def test_recovery_waits_for_events_that_no_sender_has_relayed(again: Again) -> None:
    run = again.db.run("1")
    async with again.serving("runs"):
        await again.state(run, "active")
        again.db.lose_redis()
        await again.state(run, "queue_lost")
        with redis.Redis.from_url(again.values["redis_url"]) as client:
            client.sadd("newar:{s0}:outboxes", "dead")
            client.xadd("newar:{s0}:outbox:dead", {"k": "100", "v": "an event"})
        with pytest.raises(ActRefused, match="events wait in a sender's outbox"):
            await again.recover(run, rows_within_s=1)
