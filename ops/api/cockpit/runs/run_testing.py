"""One message of a run to somebody who may be tested on."""

from __future__ import annotations

from quart import Response, request
from quart_trio import QuartTrio
from werkzeug.wrappers import Response as WerkzeugResponse

from ops.access.caller import Caller
from ops.acts.run_trial import TryOut, try_out
from ops.api.cockpit.frame.acting import attempt, question
from ops.api.cockpit.frame.places import run_address, run_route
from ops.api.cockpit.frame.writing import say
from ops.api.door.whose_run import demand_known_run
from ops.api.parts import Parts

ANSWER_WITHIN_S = 15.0


def add_run_testing(app: QuartTrio, parts: Parts) -> None:
    """Serve it."""
    settings = parts.settings

    async def allowed(run_id: str) -> Caller:
        return await demand_known_run(parts.desks.runs, settings, run_id)

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
