"""One message of a run to somebody who may be tested on."""

from __future__ import annotations

from contextlib import suppress

from quart import Response, request
from quart_trio import QuartTrio
from werkzeug.wrappers import Response as WerkzeugResponse

from ops.access.caller import Caller, Role
from ops.acts.not_done import NoSuch
from ops.acts.run_desk import unknown_run
from ops.acts.run_trial import TryOut, try_out
from ops.api.cockpit.frame.acting import attempt, question
from ops.api.cockpit.frame.places import run_address, run_route
from ops.api.cockpit.frame.writing import say
from ops.api.door.who_asks import demand
from ops.api.parts import Parts
from ops.board.source_of import page_in_source

ANSWER_WITHIN_S = 15.0


def add_run_testing(app: QuartTrio, parts: Parts) -> None:
    """Serve it."""
    settings = parts.settings

    async def allowed(run_id: str) -> Caller:
        found = demand(Role.OPERATOR)
        if "\0" in run_id:  # which no database can be asked for
            raise unknown_run(run_id.replace("\0", "\N{REPLACEMENT CHARACTER}"))
        page_id: str | None = None
        with suppress(NoSuch):
            page_id = await parts.desks.runs.page_of(run_id)
        page_id = page_id or await page_in_source(settings, run_id)  # of a run that may not be taken yet
        if page_id is None or not found.may_see(page_id):
            raise unknown_run(run_id)
        return found

    @app.get(run_route("test"))
    async def ask_test_run(run_id: str) -> Response:
        await allowed(run_id)
        testers = sorted(settings.testers)
        text = (
            say("One message goes out, past queue, log and figures, filled in for the run's first person.")
            if testers
            else say("Nobody may be tested on yet: write ids of your own people into TEST_RECIPIENTS, and restart.")
        )
        return await question(
            say("Send a test of the run %(run)s?", run=run_id),
            text,
            run_address(run_id, "test"),
            say("Send the test"),
            back=run_address(run_id),
            choices=[(tester, tester) for tester in testers],
            choice_name="to",
        )

    @app.post(run_route("test"))
    async def test_run(run_id: str) -> WerkzeugResponse:
        who, to = await allowed(run_id), (await request.form).get("to", "")
        return await attempt(try_out(settings, run_id, to, None, who.who, within_s=ANSWER_WITHIN_S), _tried)


def _tried(done: TryOut) -> str:
    if done.outcome == "sent":
        return say("The test was sent to %(person)s.", person=done.recipient_id)
    reason = done.error_message or done.error_class or ""
    return say(
        "The test to %(person)s ended as %(outcome)s: %(reason)s",
        person=done.recipient_id,
        outcome=done.outcome,
        reason=reason,
    )
