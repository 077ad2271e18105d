"""Leaving people out with all services at work: who is gone, and who is denied while a message waits already."""

from __future__ import annotations

from schema.runtime.asyncio_door import aio
from schema.runtime.redis import open_redis
from sender.queue.denied_people import DeniedPeople
from sender.runs.by_hand.files.deny_file import Denial
from sender.runs.by_hand.suppress import deny, lift
from tests.integration.runs.by_hand.world import Again, people


def reasons(again: Again, run_id: str) -> dict[str, tuple[str, int]]:
    """Return recipient -> error class and attempt, of those who were not sent to."""
    query = "SELECT recipient_id, error_class, attempt FROM message_logs WHERE run_id = %s AND outcome <> 'sent'"
    return {recipient_id: (why, attempt) for recipient_id, why, attempt in again.db.sql(query, run_id)}


async def test_who_was_gone_or_is_denied_gets_no_request_of_later_runs_until_it_is_lifted(again: Again) -> None:
    everybody = people(60)
    async with again.serving("runs", "sender", "ingest"):
        first = again.db.run(*everybody)
        await again.control(errors={"recipient_unavailable_551": 0.2})
        await again.adds_up(first, everybody)
        gone = sorted(reasons(again, first))
        await again.control(errors={})
        before = len(await again.accepted())

        await again.db.page_queue.pause("100", who="ann")
        second = again.db.run(*everybody)
        await again.state(second, "active")
        denied = next(person for person in everybody if person not in gone)
        client = open_redis(again.db.redis_url)
        await aio(deny, again.db.url, [Denial("100", denied)], "ann")
        await DeniedPeople(client).change("add", "100", [denied], who="ann", command="suppression add", changed=True)
        await aio(client.aclose)
        await again.db.page_queue.resume("100", who="ann")
        outcomes = await again.adds_up(second, everybody)
        assert outcomes == {"sent": 59 - len(gone), "suppressed": len(gone) + 1}
        assert reasons(again, second) == {
            **dict.fromkeys(gone, ("recipient_gone", 0)),
            denied: ("recipient_denied", 0),
        }
        assert len(await again.accepted()) == before + 59 - len(gone)
        assert denied not in (await again.accepted())[before:]

        await aio(lift, again.db.url, "100", [*gone[:1], denied], ["recipient_gone"])
        third = again.db.run(*everybody)
        await again.adds_up(third, everybody)
        assert sorted(reasons(again, third)) == sorted([*gone[1:], denied])
