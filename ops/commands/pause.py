"""`newar pause --all`, `newar resume --all`: everything stops, and goes on."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Annotated, TypeVar

import trio
import typer

from ops.acts.app_acts import pause_all, resume_all
from ops.settings.checked import load_checked
from ops.shell.output import AsJson, example, print_json
from ops.shell.person import who
from ops.shell.service import run_once
from schema.runtime.asyncio_door import aio
from schema.runtime.redis import open_redis
from schema.runtime.settings import RedisSettings
from sender.queue.app_queue import AppQueue

T = TypeVar("T")

commands = typer.Typer()

ANSWER_WITHIN_S = 15.0
_All = Annotated[bool, typer.Option("--all", help="Every page and run.")]


@commands.command(epilog=example("newar pause --all"))
def pause(everything: _All = False, as_json: AsJson = False) -> None:
    """Stop sending altogether until `newar resume --all`. Works while the databases are away.

    Nothing more is claimed from this moment on; messages that are on their way end as they end. No rule ends or
    shortens this pause. Runs still expire at their time: newar run extend gives them more.
    """
    _must_mean_everything(everything, "pause")
    done = _with_app(lambda app: pause_all(app, who()))
    if as_json:
        print_json(done)
    else:
        typer.echo(f"everything is paused; {done.held_by_senders} messages are with senders and end as they end")
        typer.echo("newar resume --all lets everything go on")


@commands.command(epilog=example("newar resume --all"))
def resume(everything: _All = False, as_json: AsJson = False) -> None:
    """End a pause of everything, whether it was made by hand or came from Meta's answers.

    Pages and runs that are paused by themselves stay paused.
    """
    _must_mean_everything(everything, "resume")
    done = _with_app(lambda app: resume_all(app, who()))
    if as_json:
        print_json(done)
    else:
        typer.echo("everything goes on, but for the pages and runs that are paused by themselves")


def _must_mean_everything(everything: bool, word: str) -> None:
    if not everything:
        raise typer.BadParameter(
            f"write newar {word} --all for everything, newar page {word} ID for a page, newar run {word} ID for a run",
            param_hint="--all",
        )


def _with_app(work: Callable[[AppQueue], Awaitable[T]]) -> T:
    url = load_checked(RedisSettings).redis_url.get_secret_value()

    async def connected() -> T:
        redis = open_redis(url)
        try:
            with trio.fail_after(ANSWER_WITHIN_S):
                return await work(AppQueue(redis))
        finally:
            with trio.move_on_after(1, shield=True):
                await aio(redis.aclose)

    return run_once(connected)
