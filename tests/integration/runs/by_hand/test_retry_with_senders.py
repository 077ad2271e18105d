"""A retry with all services at work, and with its queue lost on the way."""

from __future__ import annotations

from schema.outcomes import ErrorClass
from tests.integration.runs.by_hand.world import Again, people


async def test_retry_reaches_who_was_missed_and_nobody_twice_even_when_the_queue_is_lost(again: Again) -> None:
    everybody = people(300)
    run = again.db.run(*everybody)
    await again.control(errors={"bad_payload_empty_button_title_2018053": 0.3})  # too few for the brake
    async with again.serving("runs", "sender", "ingest"):
        outcomes = await again.adds_up(run, everybody)
        assert outcomes["failed"] > 50
        await again.control(errors={})
        made = await again.retry(run, ErrorClass.BAD_PAYLOAD)
        assert made.recipients == outcomes["failed"]
        missed = sorted(r for r, [o] in again.final(run).items() if o == "failed")
        await again.accepted_at_least(outcomes["sent"] + 40)
        again.db.lose_redis()
        await again.state(made.run_id, "queue_lost")
        await again.recover(made.run_id)
        assert await again.adds_up(made.run_id, missed) == {"sent": len(missed)}
    assert sorted(await again.accepted()) == everybody
    row = again.db.registered(made.run_id)
    assert row is not None
    assert row["parent_run_id"] == run
