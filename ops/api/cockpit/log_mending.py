"""Dead letters put into the log by a click."""

from __future__ import annotations

from quart import Response, request
from quart_trio import QuartTrio
from werkzeug.wrappers import Response as WerkzeugResponse

from ingest.mending.redrive import Redriven
from ops.access.caller import Caller, Role
from ops.acts.log_redrive import MOST_AT_ONCE, put_back
from ops.acts.not_done import ActRefused
from ops.api.cockpit.frame.acting import attempt, question, told
from ops.api.cockpit.frame.places import ADMIN
from ops.api.cockpit.frame.writing import count, say, why
from ops.api.door.who_asks import demand, demand_every_page
from ops.api.parts import Parts
from ops.board.errors import NotFound
from ops.board.history import HistoryUnreachable
from ops.board.letter_counts import DeadLetters

REDRIVE = f"{ADMIN}/act/dead-letters/redrive"
REASONS_SHOWN = 5


def add_log_mending(app: QuartTrio, parts: Parts) -> None:
    """Serve it."""

    @app.get(REDRIVE)
    async def ask_redrive() -> Response | WerkzeugResponse:
        _allowed()
        try:
            found = await parts.board.dead_letters()
        except (NotFound, HistoryUnreachable) as exc:
            return await told(why(exc), "bad")
        if not found.letters:
            return await told(say("There are no dead letters."))
        if found.letters > MOST_AT_ONCE:
            return await told(
                say("There are more than can be put back from here at once: newar log redrive does it."), "warn"
            )
        return await question(
            say("Put %(n)s dead letters into the log?", n=count(found.letters)),
            say(
                "For after a mend. Each is read again and written as any other event; what is refused again stays, "
                "with its reason. newar log redrive can also change the events themselves."
            ),
            REDRIVE,
            say("Put into the log"),
            fields={"expect": str(found.letters)},
            reasons=_reasons(found),
        )

    @app.post(REDRIVE)
    async def redrive() -> WerkzeugResponse:
        who = _allowed()
        expect = (await request.form).get("expect", "")
        return await attempt(_put_back(parts, expect, who), _said)


async def _put_back(parts: Parts, expect: str, who: Caller) -> Redriven:
    if not (expect.isascii() and expect.isdigit() and len(expect) < 10):
        raise ActRefused(say("Nothing was done: ask for it on the start page, which says how many they are."))
    return await put_back(parts.settings, int(expect), None, who.who)


def _allowed() -> Caller:
    demand(Role.OPERATOR)
    return demand_every_page()


def _reasons(found: DeadLetters) -> list[tuple[int, str]]:
    return [(one.letters, one.reason) for one in found.reasons[:REASONS_SHOWN]]


def _said(done: Redriven) -> str:
    text = say(
        "Dead letters tried: %(n)s. Rows now: %(rows)s; in the log already: %(repeated)s; refused again: %(stay)s.",
        n=count(done.tried),
        rows=count(done.rows + done.corrected),
        repeated=count(done.repeated),
        stay=count(done.stay),
    )
    old = say("Too old to be kept: %(n)s.", n=count(done.too_old)) if done.too_old else ""
    return f"{text} {old}".strip()
