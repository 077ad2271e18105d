"""Making a page, or the living part of one: its words, its reader, and what every page shows around it.

A page's template has a block `live`. Asked by the page's script, it answers with this block alone.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import msgspec
from quart import Response, g, redirect, request
from quart_trio import QuartTrio
from werkzeug.wrappers import Response as WerkzeugResponse

from ops.access.caller import Role
from ops.api.cockpit.frame import state_words
from ops.api.cockpit.frame.class_words import answered, class_meant, classed, reasoned
from ops.api.cockpit.frame.places import (
    ADMIN,
    PLACES,
    inside,
    job_address,
    page_address,
    person_address,
    run_address,
    with_query,
)
from ops.api.cockpit.frame.static_files import compressed
from ops.api.cockpit.frame.writing import add_filters, language
from ops.api.cockpit.words.languages import COOKIE, LANGUAGES, catalogue, chosen
from ops.api.door.problems import PROBLEM_TYPE, why_here
from ops.api.door.session_cookie import by_tls, session_cookie
from ops.api.door.templates import filled_in
from ops.api.door.who_asks import csrf_token, here, known_caller
from ops.board.answers import Problem
from schema.outcomes import FINAL_OUTCOMES
from schema.runtime.version import version

A_YEAR_S = 365 * 86400
LIVE = "live"
FRAGMENT = "Newar-Fragment"
"""The header by which a page's script asks for its living part."""
KEPT_HEADERS = ("Retry-After", "Allow", "WWW-Authenticate")
"""Of a problem, when it is shown as a page."""
OTHER = frozenset(FINAL_OUTCOMES) - {"sent", "failed"}


def add_rendering(app: QuartTrio) -> None:
    """Teach the templates their filters, languages and what they may ask of the reader."""
    add_filters(app)
    app.jinja_env.filters.update(answered=answered, class_meant=class_meant, classed=classed, reasoned=reasoned)
    app.jinja_env.add_extension("jinja2.ext.i18n")
    app.jinja_env.policies["ext.i18n.trimmed"] = True
    app.jinja_env.install_gettext_callables(  # type: ignore[attr-defined]  # the extension adds it
        lambda text: catalogue(language()).gettext(text),
        lambda one, many, n: catalogue(language()).ngettext(one, many, n),
        newstyle=True,
    )
    app.jinja_env.globals.update(vars_of_all())

    @app.context_processor
    async def around() -> dict[str, Any]:
        caller = known_caller()
        role = caller.role if caller else None
        return {
            "language": language(),
            "caller": caller,
            "may_sign_out": caller is not None and caller.by_cookie and session_cookie() is not None,
            "may_steer": role is not None and role >= Role.OPERATOR,
            "may_admit": role is not None and role >= Role.ADMIN,
            "here": here(),
            "now": datetime.now(UTC),
        }

    @app.post(f"{ADMIN}/language")
    async def choose() -> WerkzeugResponse:
        form = await request.form
        answer = redirect(inside(form.get("back", ADMIN)), 303)
        answer.set_cookie(
            COOKIE,
            chosen(form.get("language"), []).code,
            max_age=A_YEAR_S,
            samesite="Strict",
            secure=by_tls(),
            httponly=True,
        )
        return answer

    @app.after_request  # the last one is called first
    async def compress(response: Response | WerkzeugResponse) -> Response | WerkzeugResponse:
        return await _compressed(response) if isinstance(response, Response) else response

    @app.after_request
    async def dress_problem(response: Response | WerkzeugResponse) -> Response | WerkzeugResponse:
        if not isinstance(response, Response) or response.content_type != PROBLEM_TYPE or not _for_people():
            return response
        told = msgspec.json.decode(await response.get_data(as_text=False), type=Problem)
        answer = await page("problem.html", code=response.status_code, problem=told, why=why_here() or told.detail)
        answer.headers.extend({name: value for name, value in response.headers.items() if name in KEPT_HEADERS})
        return answer


def vars_of_all() -> dict[str, Any]:
    """Return what every template may use."""
    return {
        "languages": LANGUAGES,
        "version": version() or "",
        "csrf": csrf_token,
        "places": PLACES,
        "run_address": run_address,
        "page_address": page_address,
        "person_address": person_address,
        "job_address": job_address,
        "final_outcomes": [outcome.value for outcome in FINAL_OUTCOMES],
        "words": state_words,
        "other_outcomes": other,
        "suppression_address": lambda act, **of: with_query(f"{ADMIN}/suppressions/{act}", **of),
        "log_address": lambda **filters: with_query(f"{ADMIN}/log", **filters),
    }


async def page(template: str, *, code: int = 200, **context: Any) -> Response:
    """Return a page; asked by its script for its living part, only that."""
    text = await filled_in(template, LIVE if wants_fragment() else None, **context)
    response = Response(text, code)
    response.headers["Vary"] = f"{FRAGMENT}, Accept-Language, Cookie"
    return response


def _for_people() -> bool:
    """Tell whether a person waits for the answer, before a page of the cockpit."""
    ours = f"{request.path}/".startswith(f"{ADMIN}/")
    return ours and (wants_fragment() or "text/html" in request.headers.get("Accept", ""))


def other(outcomes: dict[str, int] | None) -> int | None:
    """Return how many had another outcome than sent or failed; None: not known."""
    return None if outcomes is None else sum(n for name, n in outcomes.items() if name in OTHER)


def wants_fragment() -> bool:
    """Tell whether the living part alone is asked for."""
    return bool(g.get("fragment")) or FRAGMENT in request.headers


async def _compressed(response: Response) -> Response:
    """Send text in its smaller form to whoever takes it."""
    text = response.mimetype in ("text/html", "application/json") and "Content-Encoding" not in response.headers
    if text and "gzip" in request.headers.get("Accept-Encoding", ""):
        smaller = compressed(await response.get_data(as_text=False))
        if smaller is not None:
            response.set_data(smaller)
            response.headers["Content-Encoding"] = "gzip"
    return response
