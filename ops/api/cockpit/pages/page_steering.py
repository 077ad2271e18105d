"""What is done to pages by a click: to one, to those that were chosen, to all that match a filter."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec.structs import replace
from quart import Response, redirect, request
from quart_trio import QuartTrio
from werkzeug.exceptions import NotFound as NoSuchAct
from werkzeug.wrappers import Response as WerkzeugResponse

from ops.access.caller import Caller, Role
from ops.acts import page_acts
from ops.acts.not_done import NoSuch
from ops.acts.page_acts import PageAct, PagesDone
from ops.api.cockpit.frame.acting import attempt, question, told
from ops.api.cockpit.frame.places import ADMIN, inside, page_address, with_query
from ops.api.cockpit.frame.writing import count, say
from ops.api.cockpit.pages.page_words import PAGE_ACTS, Act
from ops.api.cockpit.pages.pages_page import ADDRESS, FILTERS, wanted_by
from ops.api.door.who_asks import demand
from ops.api.parts import Parts
from ops.board.pages.page_orders import Wanted
from ops.board.suppressions import BadFilter

ONE = f"{ADMIN}/act/page/<act>/<page_id>"
CHOSEN, CHOSEN_SURE = f"{ADMIN}/act/pages/<act>/chosen", f"{ADMIN}/act/pages/<act>/chosen/sure"
MATCHING = f"{ADMIN}/act/pages/<act>"


def add_page_steering(app: QuartTrio, parts: Parts) -> None:
    """Serve the acts, and the questions before them."""
    _add_one(app, parts)
    _add_chosen(app, parts)
    _add_matching(app, parts)


def _add_one(app: QuartTrio, parts: Parts) -> None:
    @app.get(ONE)
    async def ask_page(act: str, page_id: str) -> Response:
        words = _words(act)
        demand(Role.OPERATOR, page_id=page_id)
        text, means = say(words.question, page=page_id), say(words.means)
        back = page_address(page_id)
        return await question(
            text, means, page_address(page_id, act), say(words.button), back=back, danger=words.danger
        )

    @app.post(ONE)
    async def steer_page(act: str, page_id: str) -> WerkzeugResponse:
        words = _words(act)
        who = demand(Role.OPERATOR, page_id=page_id)
        return await attempt(_done(parts, act, [page_id], who), lambda done: _said(words, done))


def _add_chosen(app: QuartTrio, parts: Parts) -> None:
    @app.post(CHOSEN)
    async def ask_chosen(act: str) -> Response | WerkzeugResponse:
        words = _words(act)
        form = await request.form
        chosen = form.getlist("pages")
        if not chosen:
            return await told(say("Choose pages first: each has a box before its name."), "warn")
        demand(Role.OPERATOR)
        return await question(
            say(words.of_many, n=count(len(chosen))),
            say(words.means),
            f"{ADMIN}/act/pages/{act}/chosen/sure",
            say(words.button),
            back=inside(form.get("back", ADDRESS)),
            danger=words.danger,
            fields={"pages": "\n".join(chosen)},
        )

    @app.post(CHOSEN_SURE)
    async def steer_chosen(act: str) -> WerkzeugResponse:
        words = _words(act)
        chosen = (await request.form).get("pages", "").splitlines()
        who = demand(Role.OPERATOR)
        for page_id in chosen:
            demand(Role.OPERATOR, page_id=page_id)
        return await attempt(_done(parts, act, chosen, who), lambda done: _said(words, done))


def _add_matching(app: QuartTrio, parts: Parts) -> None:
    @app.get(MATCHING)
    async def ask_matching(act: str) -> Response | WerkzeugResponse:
        words = _words(act)
        demand(Role.OPERATOR)
        filters = {name: request.args.get(name, "").strip() for name in FILTERS}
        try:
            name, order = await parts.board.pages.matching(_steerable(filters))
        except BadFilter:
            return redirect(ADDRESS)
        return await question(
            say(words.of_many, n=count(len(order.page_ids))),
            say(words.means),
            f"{ADMIN}/act/pages/{act}",
            say(words.button),
            back=with_query(ADDRESS, **filters),
            danger=words.danger,
            fields={**filters, "order": name},
        )

    @app.post(MATCHING)
    async def steer_matching(act: str) -> WerkzeugResponse:
        words = _words(act)
        who = demand(Role.OPERATOR)
        form = await request.form
        try:
            order = parts.board.pages.kept(form.get("order", ""), _steerable({n: form.get(n, "") for n in FILTERS}))
        except BadFilter:
            return await told(say("Nothing was done: that was too long ago. Look at the list, and ask again."), "warn")
        return await attempt(_done(parts, act, order.page_ids, who), lambda done: _said(words, done))


def _steerable(filters: dict[str, str]) -> Wanted:
    """Return what is done something to: nothing can be done to what the queue does not know."""
    return replace(wanted_by(filters), steerable=True)


async def _done(parts: Parts, act: str, page_ids: Sequence[str], who: Caller) -> PagesDone:
    """Do it to those pages. Whoever looks at them next sees what has become of them."""
    try:
        if act == "reset":
            done = await page_acts.reset_many(parts.desks.limits, page_ids, who.who)
        else:
            done = await page_acts.steer_pages(parts.desks.pages, page_ids, PageAct(act), who.who)
    finally:
        parts.board.pages.forget()
    if len(page_ids) == 1 and done.unknown:
        raise NoSuch(say("page %(page)s never had a run, or none since the queue was emptied", page=page_ids[0]))
    return done


def _words(act: str) -> Act:
    if act not in PAGE_ACTS:
        raise NoSuchAct
    return PAGE_ACTS[act]


def _said(words: Act, done: PagesDone) -> str:
    text = say(words.done, n=count(done.pages))
    missing = say("Unknown: %(n)s.", n=count(done.unknown))
    return f"{text} {missing}" if done.unknown else text
