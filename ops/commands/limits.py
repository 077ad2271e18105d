"""`newar limits …`: how fast pages may go, why, and what a person changes of it."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Annotated, TypeVar

import msgspec
import trio
import typer

from ops.acts import page_acts
from ops.board.limit_answers import LimitsAnswer, Slowdown
from ops.board.page_limits import KnownDefaults, explained, in_words
from ops.board.speed import read_defaults
from ops.settings.checked import load_checked
from ops.shell.output import AsJson, example, print_json, print_table
from ops.shell.person import who
from ops.shell.service import run_once
from ops.shell.times import lasting, span
from schema.runtime.asyncio_door import aio
from schema.runtime.redis import open_redis
from schema.runtime.settings import RedisSettings
from sender.queue.limit_queue import LimitQueue
from sender.rules.rule_table import load
from sender.settings import RuleSettings

T = TypeVar("T")

commands = typer.Typer(help="How fast pages may go, and why.", no_args_is_help=True)

ANSWER_WITHIN_S = 60.0
HIGHEST = 100_000
_NO_LIMIT = "none"
_NUMBER = re.compile(r"[0-9]{1,6}(\.[0-9]{1,3})?")
_LIFTED = {"pace": "pace", "hold": "hold of the pace", "ceiling": "ceiling", "pause": "pause"}

PageId = Annotated[str, typer.Argument(metavar="PAGE", help="The page's number.")]


class _LimitsSettings(RedisSettings, RuleSettings):
    """The queue, and the rules by whose names it says what they have done."""


def _rate(text: str) -> float | None:
    if text == _NO_LIMIT:
        return None
    value = float(text) if _NUMBER.fullmatch(text) else 0.0
    if not 0.1 <= value <= HIGHEST:
        raise typer.BadParameter(
            f"{text!r} is no rate: write messages per second, from 0.1 to {HIGHEST}, such as 12 or 0.5; none takes a "
            "limit off again; to stop a page: newar page pause"
        )
    return value


@commands.command("show", epilog=example("newar limits show --all"))
def show_limits(
    every: Annotated[bool, typer.Option("--all", help="Also pages that go as fast as their limit.")] = False,
    as_json: AsJson = False,
) -> None:
    """List the pages that are slower than their limit, why, and until when."""
    answers = [one for one in _explain(None) if every or _slowed(one)]
    if as_json:
        print_json(answers)
        return
    for one in (s for s in answers[0].because if s.scope == "app") if answers else ():
        typer.echo(f"everything: {_what(one)}{_until(one)}")
    columns = ["PAGE", "TEXT/S", "OF", "MEDIA/S", "OF", "BECAUSE"]
    print_table(columns, [_row(one) for one in answers])


@commands.command("explain", epilog=example("newar limits explain 104512345678901"))
def explain_limits(page_id: PageId, as_json: AsJson = False) -> None:
    """Say why a page is as fast as it is: by whose limit, which rule, on what evidence, and until when."""
    [answer] = _explain(page_id)
    if as_json:
        print_json(answer)
    else:
        _print(answer)


@commands.command("set", epilog=example("newar limits set 104512345678901 12 --for 2h"))
def set_limit(
    page_id: PageId,
    rate: Annotated[str, typer.Argument(metavar="RATE", help="Messages per second, such as 12 or 0.5; or none.")],
    lasts: Annotated[
        timedelta | None,
        typer.Option("--for", parser=span, metavar="TIME", help="Such as 30min or 2h; for good when left out."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Let a limit of yours count for a page, instead of the source's and of the default; `none` takes it off again.

    It acts within a second, also on what is queued. Audio and video keep their own limit where that is lower. Rules
    slow down from this limit.
    """
    per_s = _rate(rate)
    if per_s is None and lasts is not None:
        raise typer.BadParameter("none takes the limit off at once: leave --for out", param_hint="--for")
    for_ms = None if lasts is None else max(1, round(lasts.total_seconds() * 1000))
    done = _with_queue(lambda queue, _: page_acts.set_limit(queue, page_id, per_s, for_ms, who()))
    if as_json:
        print_json(done)
    elif per_s is None:
        typer.echo(f"page {page_id}: the source's limit counts again, or the default")
    else:
        ends = "until newar limits set changes it" if lasts is None else f"for {lasting(lasts.total_seconds())}"
        typer.echo(f"page {page_id}: {per_s:g} messages a second {ends}")


@commands.command("reset", epilog=example("newar limits reset 104512345678901"))
def reset_limits(
    page_id: Annotated[str, typer.Argument(metavar="PAGE|app", help="The page's number, or app for the whole app.")],
    as_json: AsJson = False,
) -> None:
    """End what rules have made of a page's speed: slower pace, ceiling and pause. They judge anew from now on.

    What a person has set stays (limits set, page pause, page breaker), and so does a breaker: newar page breaker PAGE
    close.
    """
    reset = _with_queue(lambda queue, _: page_acts.reset_limits(queue, page_id, who()))
    if as_json:
        print_json(reset)
        return
    done = ", ".join(_LIFTED[what] for what in reset.lifted) if reset.lifted else "there was nothing to end"
    typer.echo(f"{'the app' if page_id == 'app' else f'page {page_id}'}: {done}")
    shown = "limits show" if page_id == "app" else f"limits explain {page_id}"
    typer.echo(f"What a person has set stays, and so does a breaker; newar {shown} shows them.")


def _explain(page_id: str | None) -> list[LimitsAnswer]:
    """Return the answer for this page, or for all of them.

    Raises:
        NoSuch: nobody knows this page.
    """
    settings = load_checked(_LimitsSettings)
    table = load(settings.rules_file, settings.circuit_breaker_threshold, settings.circuit_breaker_cooldown_ms)

    async def ask(queue: LimitQueue, defaults: KnownDefaults) -> list[LimitsAnswer]:
        wanted = await queue.pages() if page_id is None else [page_id]
        found = await queue.explain(wanted, defaults.limits)
        return [explained(page, found, defaults, in_words(table.rules)) for page in wanted if page in found.pages]

    answers = _with_queue(ask)
    if page_id is not None and not answers:
        raise page_acts.unknown(page_id)
    return answers


def _with_queue(work: Callable[[LimitQueue, KnownDefaults], Awaitable[T]]) -> T:
    url = load_checked(RedisSettings).redis_url.get_secret_value()

    async def connected() -> T:
        redis = open_redis(url)
        try:
            with trio.fail_after(ANSWER_WITHIN_S):
                return await work(LimitQueue(redis), await read_defaults(redis))
        finally:
            with trio.move_on_after(1, shield=True):
                await aio(redis.aclose)

    return run_once(connected)


def _slowed(one: LimitsAnswer) -> bool:
    return any(s.scope == "page" for s in one.because)


def _row(one: LimitsAnswer) -> list[object]:
    lanes = [part for lane in one.lanes for part in (f"{lane.now_per_s:g}", f"{lane.limit:g}")]
    return [one.page_id, *lanes, "; ".join(f"{_what(s)}{_until(s)}" for s in one.because if s.scope == "page")]


def _what(one: Slowdown) -> str:
    by = "by hand" if one.by_hand else f"rule {one.rule}" if one.rule else one.reason or ""
    return f"{one.what.replace('_', ' ')}: {one.effect}" + (f" ({by})" if by else "")


def _until(one: Slowdown) -> str:
    return f", until {one.until:%Y-%m-%d %H:%M:%SZ}" if one.until else ""


def _print(one: LimitsAnswer) -> None:
    text, media = one.lanes
    app_now = one.app.now_per_s
    of_app = f"; all pages together {app_now:g}" if app_now is not None and app_now < text.now_per_s else ""
    of_page = f"{text.now_per_s:g} messages a second now, {media.now_per_s:g} with audio or video"
    typer.echo(f"page {one.page_id}: {of_page}{of_app}\n")
    columns = ["KIND", "LIMIT/S", "FROM", "NOW/S", "REACHED/S", "RUNS WITH SOMETHING TO SEND"]
    rows = [[*msgspec.structs.astuple(lane)] for lane in one.lanes]
    app = [one.app.limit, "senders" if one.app.limit else None, one.app.now_per_s, one.app.reached_per_s]
    print_table(columns, [*rows, ["whole app", *app, None]])
    if one.senders_differ:
        typer.echo("Senders run with different limits: the smallest are shown.")
    typer.echo("")
    if one.because:
        columns = ["WHAT", "OF", "EFFECT", "BY", "UNTIL", "BECAUSE"]
        print_table(columns, [_cause(s) for s in one.because])
    else:
        typer.echo("Nothing slows it down.")
    for words in dict.fromkeys(s.rule_in_words for s in one.because if s.rule_in_words):
        typer.echo(f"  {words}")
    for whose, answers in (("page", one.last_answers), ("app", one.last_app_answers)):
        if answers:
            typer.echo(
                f"\nLast answers of the {whose}: " + ", ".join(f"{n} {w.replace('_', ' ')}" for w, n in answers.items())
            )
    if not text.runs and not media.runs:
        typer.echo("\nNone of its runs has anything to send now: newar run list says which are held, and by whom.")
    ruled = {s.scope for s in one.because if s.rule and s.what != "breaker"}
    for scope, name in (("page", one.page_id), ("app", "app")):
        if scope in ruled:
            typer.echo(
                f"\nnewar limits reset {name} ends what rules have done to the {scope}; each ends by itself too."
            )


def _cause(one: Slowdown) -> list[object]:
    until = one.until or ("a person ends it" if one.by_hand else None)
    by = "a person" if one.by_hand else one.rule
    return [
        one.what.replace("_", " "),
        "the app" if one.scope == "app" else "the page",
        one.effect,
        by,
        until,
        one.reason,
    ]
