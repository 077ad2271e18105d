"""`newar run check`: what a run would do, told before anybody is written to."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Annotated, Any

import msgspec
import trio
import typer
from pydantic import Field
from redis.asyncio import Redis

from ops.board.dry_run import DryRuns, NoSuchRun
from ops.board.settings import RecipientsSettings
from ops.commands.run.message_file import read_message
from ops.settings.checked import load_checked
from ops.shell.exits import CommandFailed
from ops.shell.output import AsJson, example, print_json, print_table, printable
from ops.shell.service import run_once
from ops.shell.times import Moment, lasting
from schema.runtime.asyncio_door import aio
from schema.runtime.redis import open_redis
from schema.runtime.setting_types import RedisUrl
from schema.runtime.settings import RedisSettings, WindowSettings
from sender.runs.by_hand.submit import SubmittedRun, as_row
from sender.runs.dry_run.report import DryRun, LeftOut
from sender.runs.settings import MessageRulesSettings

commands = typer.Typer()

SHOWN_NAMES = 20


class DryRunSettings(RedisSettings, RecipientsSettings, WindowSettings, MessageRulesSettings):
    """What a dry run looks at. Without Redis it is not known how fast the page may go."""

    redis_url: RedisUrl | None = Field(  # type: ignore[assignment]  # optional here
        default=None, description="Redis or Valkey with the queue; unset: how long a run takes is not said"
    )


@commands.command("check", epilog=example("newar run check people.csv --page 104512345678901 --message hello.json"))
def check_run(
    target: Annotated[
        str, typer.Argument(metavar="ID|FILE", help="A run's id; or, with --page and --message, a file of recipients.")
    ],
    page: Annotated[str | None, typer.Option(metavar="ID", help="With a file: the page that would send.")] = None,
    message: Annotated[
        str | None, typer.Option(metavar="FILE|-", help="With a file: the message, as for newar run submit.")
    ] = None,
    messaging_type: Annotated[str | None, typer.Option(help="With a file: as for newar run submit.")] = None,
    tag: Annotated[str | None, typer.Option(help="With a file: likewise.")] = None,
    scheduled_at: Moment = None,
    expires_at: Moment = None,
    send_window: Annotated[str | None, typer.Option(help="With a file: likewise.")] = None,
    as_json: AsJson = False,
) -> None:
    """Say what a run would do, without doing it: who would get its message, who not and why, and how long it takes.

    Names that the message asks for and the data lacks are told, with what was perhaps meant, and three messages as
    people would get them. The exit code is 1 when something is certain to fail. Nothing is written anywhere.
    """
    settings = load_checked(DryRunSettings)
    if page is None and message is None and Path(target).is_file():
        raise typer.BadParameter("a file goes with --page and --message", param_hint=target)
    if page is None and message is None:
        found = run_once(lambda: _dry_run(settings, lambda runs: runs.of_run(target)))
    else:
        if page is None or message is None:
            raise typer.BadParameter("a file goes with both --page and --message")
        if not Path(target).is_file():
            raise typer.BadParameter(f"{target} is no file that can be read", param_hint="FILE")
        run = SubmittedRun(
            run_id="check",
            page_id=page,
            message=read_message(message),
            messaging_type=messaging_type,
            tag=tag,
            scheduled_at=scheduled_at,
            expires_at=expires_at,
            send_window=send_window,
        )
        found = run_once(lambda: _dry_run(settings, lambda runs: runs.of_file(as_row(run), Path(target))))
    if as_json:
        print_json(found)
    else:
        print_dry_run(found)
    if found.stops or found.unreadable:
        raise typer.Exit(1)


async def _dry_run(settings: DryRunSettings, work: Callable[[DryRuns], Awaitable[DryRun]]) -> DryRun:
    keep_window, rules_off = settings.enforce_messaging_window, settings.rules_off
    async with redis_if_known(settings) as redis:
        try:
            return await work(DryRuns(settings, redis, keep_window=keep_window, rules_off=rules_off))
        except NoSuchRun as exc:
            raise CommandFailed(str(exc)) from None


@asynccontextmanager
async def redis_if_known(settings: DryRunSettings) -> AsyncIterator[Redis | None]:
    """Open Redis; None: no setting says where it is."""
    redis = open_redis(settings.redis_url.get_secret_value()) if settings.redis_url else None
    try:
        yield redis
    finally:
        if redis is not None:
            with trio.move_on_after(1, shield=True):
                await aio(redis.aclose)


def print_dry_run(found: DryRun) -> None:
    """Print what a dry run found, for a person."""
    if found.page_name:
        typer.echo(f"Page {found.page_id}: {printable(found.page_name)}")
    if found.taken_as:
        typer.echo(printable(found.taken_as))
    if found.recipients:
        typer.echo(summary(found))
    if found.left_out:
        typer.echo("\nNot to:")
        rows = [(one.recipients, one.outcome, one.error_class, _examples(one)) for one in found.left_out]
        print_table(["RECIPIENTS", "OUTCOME", "CLASS", "EXAMPLES"], rows)
    for line in _names(found):
        typer.echo(f"\n{printable(line)}")
    for sample in found.samples:
        typer.echo(f"\n{sample.recipient_id} would get:\n{_shown(sample.message)}")
    for note in found.notes:
        typer.echo(f"\nNote: {printable(note)}")
    for line in found.unreadable:
        typer.echo(printable(line))
    if found.stops:
        typer.echo("\nThis cannot be meant so:")
        for stop in found.stops:
            typer.echo(f"- {printable(stop)}")


def summary(found: DryRun) -> str:
    """Say in one line who would get it, and how long it takes."""
    twice = f" ({found.duplicates} rows name somebody again)" if found.duplicates else ""
    text = f"{found.would_get} of {found.recipients} recipients would get it{twice}"
    if found.takes_s is None:
        return f"{text}; how long that takes is not known"
    takes = lasting(found.takes_s) if found.takes_s >= 1 else "less than a second"
    return f"{text}; at {found.per_second:g} a second, that takes {takes}"


def _names(found: DryRun) -> Iterator[str]:
    for missing in found.missing_names:
        end = "get its fallback" if missing.fallback else "do not get the message"
        yield f"{{{{{missing.name}}}}}: {missing.without} have no value and {end}{_meant(missing.did_you_mean)}"
    if found.unused_names:
        unused = [f"{one.name}{_meant(one.did_you_mean)}" for one in found.unused_names]
        yield f"Nobody asks for: {', '.join(unused[:SHOWN_NAMES])}" + (" …" if len(unused) > SHOWN_NAMES else "")


def _meant(name: str | None) -> str:
    return f" (did you mean {name}?)" if name else ""


def _examples(one: LeftOut) -> str:
    return printable("; ".join(f"{example['recipient_id']}: {example['reason']}" for example in one.examples[:1]))


def _shown(message: dict[str, Any]) -> str:
    text = message.get("text")
    only_text = isinstance(text, str) and len(message) == 1
    if not only_text:
        return printable(msgspec.json.encode(message).decode())
    return "\n".join(printable(line) for line in str(text).split("\n"))
