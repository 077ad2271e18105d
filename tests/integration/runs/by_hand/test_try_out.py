"""One message of a run to somebody who may be tested on: past queue, log and figures."""

from __future__ import annotations

from typing import Any

import httpx
import msgspec
import pytest

from ops.acts.not_done import ActRefused, NoSuch
from ops.acts.run_trial import TryOut, try_out
from ops.acts.settings import TryOutSettings
from sender.queue.app_queue import AppQueue
from sender.runs.by_hand.errors import RunMisdescribed
from tests.integration.runs.by_hand.world import Again, made
from tests.patience import patience_s
from tests.ports import free_port


async def tried(again: Again, run_id: str, to: str = "9", like: str | None = None, **changes: object) -> TryOut:
    return await try_out(
        made(TryOutSettings, {**again.values, "test_recipients": "9", **changes}), run_id, to, like, "ana@ops-1"
    )


async def posts(again: Again) -> list[dict[str, Any]]:
    async with httpx.AsyncClient(timeout=patience_s()) as client:
        text = (await client.get(again.graph_url + "/__posts")).text
    return [msgspec.json.decode(line) for line in text.splitlines()]


async def test_message_goes_to_the_tester_marked_and_past_every_count(again: Again) -> None:
    again.db.sql("INSERT INTO subscribers VALUES ('100', '1', 'Ann', now())")
    run = again.db.run("1", "2", message={"text": "Hi {{first_name|there}}", "metadata": "c=42"})
    done = await tried(again, run)
    assert (done.outcome, done.recipient_id, done.filled_in_for) == ("sent", "9", "1")
    assert done.message_id
    [post] = await posts(again)
    assert (post["page"], post["person"], post["answer"]) == ("100", "9", "send_ok")
    assert post["metadata"].endswith(";a=0;test;c=42")
    assert again.db.sql("SELECT who <> '', what, target, detail FROM audit") == [
        (True, "run test", run, "to 9, filled in for 1")
    ]
    assert again.db.registered(run) is None
    assert again.db.page_in_queue() == {}
    async with again.serving("runs", "sender", "ingest"):
        assert await again.adds_up(run, ["1", "2"]) == {"sent": 2}


async def test_own_variables_or_those_of_a_chosen_person_are_filled_in(again: Again) -> None:
    run = again.db.run("1", "2", "9")
    assert (await tried(again, run)).filled_in_for == "9"
    assert (await tried(again, run, like="2")).filled_in_for == "2"
    with pytest.raises(NoSuch, match="5 is no recipient"):
        await tried(again, run, like="5")


async def test_submitted_run_is_tried_with_the_recipients_that_it_has(again: Again) -> None:
    again.db.submitted_run("mine", "1")
    again.db.sql("UPDATE submitted_runs SET page_access_token = %s", again.db.box.seal("secret-token"))
    again.db.sql("UPDATE pages SET access_token = ''")
    assert (await tried(again, "mine")).filled_in_for == "1"


async def test_submitted_run_is_tried_with_the_token_that_it_will_be_sent_with(again: Again) -> None:
    again.db.submitted_run("mine", "1")
    again.db.sql("UPDATE submitted_runs SET page_access_token = 'none at all'")
    assert (await tried(again, "mine")).outcome == "sent"
    again.db.sql("UPDATE pages SET access_token = 'none at all'")
    again.db.sql("UPDATE submitted_runs SET page_access_token = %s", again.db.box.seal("secret-token"))
    with pytest.raises(ActRefused, match="token cannot stand in a request"):
        await tried(again, "mine")


async def test_nobody_of_the_deny_list_is_tested_on(again: Again) -> None:
    again.db.sql("INSERT INTO suppressions VALUES ('100', '9', 'denied', now(), NULL, 'ana')")
    with pytest.raises(ActRefused, match="9 is on the deny list of page 100"):
        await tried(again, again.db.run("1"))
    again.db.sql("UPDATE suppressions SET lifted_at = now()")
    assert (await tried(again, again.db.run("1"))).outcome == "sent"


async def test_refusal_of_meta_is_shown_with_its_code(again: Again) -> None:
    run = again.db.run("1")
    await again.control(people={"recipient_unavailable_551": ["9"]})
    done = await tried(again, run)
    assert (done.outcome, done.error_class, done.error_code) == ("failed", "recipient_permanent", 551)


@pytest.mark.parametrize(
    ("message", "problem"),
    [
        ({"text": "Hi {{nobody_has_it}}"}, ActRefused),
        ({"txt": "Hi"}, RunMisdescribed),
        ({"text": "{{"}, RunMisdescribed),
    ],
)
async def test_message_that_cannot_be_sent_is_not_sent_to_a_tester_either(
    again: Again, message: dict[str, str], problem: type[Exception]
) -> None:
    with pytest.raises(problem):
        await tried(again, again.db.run("1", message=message))
    assert (await posts(again), again.db.sql("SELECT * FROM audit")) == ([], [])


async def test_nothing_is_tried_while_everything_is_paused_without_a_token_or_a_run(again: Again) -> None:
    run = again.db.run("1")
    with pytest.raises(NoSuch, match="no run has the id"):
        await tried(again, "nobody")
    again.db.page("200", has_token=False)
    with pytest.raises(ActRefused, match="page_access_token is missing"):
        await tried(again, again.db.run("1", page_id="200"))
    await AppQueue(again.db.client).pause("ana")
    with pytest.raises(ActRefused, match="everything is paused by hand"):
        await tried(again, run)
    assert await posts(again) == []


async def test_no_answer_is_unknown_and_no_connection_is_nothing_sent(again: Again) -> None:
    run = again.db.run("1")
    nowhere = await tried(again, run, graph_api_url=f"http://127.0.0.1:{free_port()}")
    assert nowhere.outcome == "failed"
    assert "nothing was sent" in (nowhere.error_message or "")
    await again.control(errors={"html_502": 1.0})
    assert (await tried(again, run)).outcome == "unknown"
