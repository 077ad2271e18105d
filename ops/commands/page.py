"""`newar page …`: pages by hand, in the queue."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from enum import StrEnum
from typing import Annotated, TypeVar

import trio
import typer

from ops.acts.page_acts import PageDone, close_breaker, open_breaker, pause_page, resume_page
from ops.settings.checked import load_checked
from ops.shell.output import AsJson, example, print_json, print_table
from ops.shell.person import who
from ops.shell.service import run_once
from schema.event import at_us
from schema.runtime.asyncio_door import aio
from schema.runtime.redis import open_redis
from schema.runtime.settings import RedisSettings
from sender.queue.page_queue import PageQueue, PageState

T = TypeVar("T")

commands = typer.Typer(help="Pages by hand.", no_args_is_help=True)

PageId = Annotated[str, typer.Argument(metavar="ID", help="The page's number.")]
ANSWER_WITHIN_S = 60.0
_FOR_EVER_MS = 9_000_000_000_000


class BreakerState(StrEnum):
    """What a person can make of a breaker."""

    OPEN = "open"
    CLOSE = "close"


@commands.command("list", epilog=example("newar page list"))
def show_pages(as_json: AsJson = False) -> None:
    """List every page that ever had a run, with its pause, breaker and limits of its own."""
    pages = _with_queue(PageQueue.list)
    if as_json:
        print_json(pages)
        return
    now_ms = time.time_ns() // 1_000_000
    columns = ["PAGE", "NAME", "PAUSED UNTIL", "BECAUSE", "BREAKER", "BECAUSE", "WEIGHT", "TEXT/S", "MEDIA/S"]
    print_table(columns, [_row(page, now_ms) for page in pages])


@commands.command(epilog=example("newar page pause 104512345678901"))
def pause(page_id: PageId, as_json: AsJson = False) -> None:
    """Send nothing for a page until it is resumed."""
    _tell(_with_queue(lambda queue: pause_page(queue, page_id, who())), as_json)


@commands.command(epilog=example("newar page resume 104512345678901"))
def resume(page_id: PageId, as_json: AsJson = False) -> None:
    """End a page's pause, whether it was made by hand or came from Meta's answers."""
    _tell(_with_queue(lambda queue: resume_page(queue, page_id, who())), as_json)


@commands.command(epilog=example("newar page breaker 104512345678901 close"))
def breaker(
    page_id: PageId,
    change: Annotated[BreakerState, typer.Argument(metavar="open|close", help="What to do.")],
    as_json: AsJson = False,
) -> None:
    """Open a page's breaker until it is closed by hand, whatever token comes meanwhile; or close it."""
    act = open_breaker if change is BreakerState.OPEN else close_breaker
    _tell(_with_queue(lambda queue: act(queue, page_id, who())), as_json)


def _tell(done: PageDone, as_json: bool) -> None:
    if as_json:
        print_json(done)
    else:
        typer.echo(f"page {done.page_id}: {done.done}")


def _with_queue(work: Callable[[PageQueue], Awaitable[T]]) -> T:
    url = load_checked(RedisSettings).redis_url.get_secret_value()

    async def connected() -> T:
        redis = open_redis(url)
        try:
            with trio.fail_after(ANSWER_WITHIN_S):
                return await work(PageQueue(redis))
        finally:
            with trio.move_on_after(1, shield=True):
                await aio(redis.aclose)

    return run_once(connected)


def _row(page: PageState, now_ms: int) -> list[object]:
    until_ms = page.paused_until_ms if (page.paused_until_ms or 0) > now_ms else None
    until = "resumed by hand" if (until_ms or 0) > _FOR_EVER_MS else at_us(until_ms * 1000) if until_ms else None
    reason = page.pause_reason if until else None
    limits = [page.weight, page.limit_text, page.limit_media]
    return [page.page_id, page.name, until, reason, page.breaker, page.breaker_reason, *limits]
