"""`newar person erase`: removing somebody everywhere that we keep people. What each place does is not here."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

import msgspec
import trio
import typer
from redis.asyncio import Redis
from redis.exceptions import RedisError

from ingest.mending.erasures import Erased, Person, Traces, erase, traces_of
from ops.acts.log_connections import open_database
from ops.commands.log.chosen import storable
from ops.commands.log.database import Yes, ask, with_database
from ops.commands.partitions import PartitionSettings
from ops.settings.checked import load_checked
from ops.shell.detail import telling
from ops.shell.exits import CommandFailed
from ops.shell.output import AsJson, example, print_json, print_table, printable
from ops.shell.person import who
from ops.shell.service import run_once
from schema.keys import key
from schema.runtime.asyncio_door import aio
from schema.runtime.redis import open_redis
from schema.runtime.settings import KafkaSettings, RedisSettings
from schema.runtime.topic_retention import topic_forgets_after
from sender.queue.denied_people import DeniedPeople
from sender.queue.run_queue import RunQueue

commands = typer.Typer(help="People: removing one everywhere.", no_args_is_help=True)

_WORDS = "person erase"
_LONGEST_ID = 500


class EraseSettings(RedisSettings, KafkaSettings, PartitionSettings):
    """Everything that keeps people, and what is kept how long."""


class Erasure(msgspec.Struct, kw_only=True):
    """What was removed, or would be."""

    pages_denied: int = 0
    """Pages with unfinished runs, whose waiting jobs do not go out to this person any more."""
    log_rows: int
    submitted_recipients: int
    dead_letters: int
    suppressions: int
    audit_entries: int
    again_until: datetime | None
    """Until then the ingest removes what still comes in, and then forgets the id too; None: for ever."""
    stays_denied: bool


@commands.callback()
def _group() -> None:
    """So that `erase` is a word of its own though it is the only one."""


@commands.command("erase", epilog=example("newar person erase 7001234567890123 --page 104512345678901 --dry-run"))
def erase_person(
    psid: Annotated[str, typer.Argument(metavar="PSID", help="The person's id.")],
    page: Annotated[
        str | None, typer.Option(metavar="ID", help="Only from this page; left out: from every one.")
    ] = None,
    keep_denied: Annotated[
        bool, typer.Option("--keep-denied", help="Leave the id on the page's deny list, so that no run writes to it.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what there is.")] = False,
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Remove a person: from the log, the recipients of submitted runs, dead letters, suppressions and the audit trail.

    First nothing more goes out to them: jobs that wait are not sent; one that a sender has in hand may be. Events that
    are still on their way or in the topic are removed by the ingest as they come in, every hour, until the topic has
    forgotten them. Figures are counts and stay. Your source is yours: remove them there first. This cannot be undone.
    """
    person = _person(psid, page)
    if keep_denied and page is None:
        raise typer.BadParameter("a deny list is a page's: say which with --page", param_hint="--keep-denied")
    settings = load_checked(EraseSettings)
    if dry_run:
        found = with_database(settings, lambda connection: traces_of(connection, person))
        _tell(_erasure(found, None, stays_denied=False), as_json, dry_run=True)
        return
    if not yes:
        found = with_database(settings, lambda connection: traces_of(connection, person))
        _tell(_erasure(found, None, stays_denied=False), as_json=False, dry_run=True)
        ask(f"Erase {printable(psid)} from {'page ' + printable(page) if page else 'every page'}?", yes=False)
        if typer.prompt("This cannot be undone. Write the id once more", err=True).strip() != psid:
            raise CommandFailed("that is another id: nothing was erased")
    _tell(run_once(lambda: _erase(settings, person, keep_denied=keep_denied)), as_json, dry_run=False)


def _person(psid: str, page: str | None) -> Person:
    for name, text in (("PSID", psid), ("--page", page)):
        if text is not None and (not text.strip() or len(text) > _LONGEST_ID):
            raise typer.BadParameter(f"an id has 1 to {_LONGEST_ID} characters", param_hint=name)
        storable(text, name)
    return Person(psid, page or "")


async def _erase(settings: EraseSettings, person: Person, *, keep_denied: bool) -> Erasure:
    """In this order: nothing more goes out, then what is there goes. May be repeated."""
    pages = await _leave_queue(settings, person)
    forgets_after = await aio(topic_forgets_after, settings)
    until = None
    if forgets_after is not None:
        until = datetime.now(UTC) + max(forgets_after, timedelta(days=settings.log_retention_days + 1))
    keep = who() if keep_denied else None

    async def erasing() -> Traces:
        async with open_database(settings) as connection:
            return await erase(connection, person, keep_denied_by=keep, who=who(), until=until)

    done = _erasure(await aio(erasing), until, stays_denied=keep_denied)
    done.pages_denied = len(pages)
    return done


async def _leave_queue(settings: EraseSettings, person: Person) -> list[str]:
    """Let nothing more go out to this person; return the pages whose queue was told.

    The queue knows people by a hash, and forgets this one when every run that is unfinished now has ended.
    """
    redis = open_redis(settings.redis_url.get_secret_value())
    try:
        runs, denied = RunQueue(redis), DeniedPeople(redis)
        known = await runs.glance(await runs.unfinished())
        pages = sorted({run.page_id for run in known.values() if person.page_id in ("", run.page_id)})
        note: Any = {"who": who(), "command": _WORDS, "changed": False, "detail": f"person #{person.pseudonym}"}
        for page in pages:
            await denied.change("add", page, [person.recipient_id], **note)
        await _forget_failures(redis, person)
        return pages
    except RedisError as exc:
        raise CommandFailed(f"Redis: {telling(exc)}. Nothing is erased before jobs that wait cannot go out") from exc
    finally:
        with trio.move_on_after(1, shield=True):
            await aio(redis.aclose)


async def _forget_failures(redis: Redis, person: Person) -> None:
    """Empty the cockpit's list of newest failures when it names them: one entry alone cannot be taken out of it."""
    entries: Any = await aio(redis.xrange, key("failures"))
    erased = Erased([person])
    if any(erased.names(value) for _, fields in entries for value in fields.values()):
        await aio(redis.xtrim, key("failures"), 0, False)


def _erasure(found: Traces, until: datetime | None, *, stays_denied: bool) -> Erasure:
    return Erasure(**msgspec.structs.asdict(found), again_until=until, stays_denied=stays_denied)


_SAID = {
    "log_rows": "rows of the log",
    "submitted_recipients": "recipients of submitted runs",
    "dead_letters": "dead letters that hold the id",
    "suppressions": "suppressions",
    "audit_entries": "entries of the audit trail that hold the id",
}


def _tell(done: Erasure, as_json: bool, *, dry_run: bool) -> None:
    if as_json:
        print_json(done)
        return
    counts = msgspec.structs.asdict(done)
    print_table(["THERE ARE" if dry_run else "ERASED", "WHAT"], [(counts[name], said) for name, said in _SAID.items()])
    if dry_run:
        return
    never = "for ever: the topic keeps its events, or the broker does not say how long"
    until = f"until {done.again_until:%Y-%m-%d %H:%MZ}" if done.again_until else never
    typer.echo(f"Jobs that wait on {done.pages_denied} pages with unfinished runs are not sent to this person.")
    typer.echo(f"What still comes in of them the ingest removes every hour, and keeps the id for that, {until}.")
    if done.stays_denied:
        typer.echo("The id stays on the page's deny list: newar suppression remove takes it off.")
    typer.echo("Not in Newar's hands: your source, backups, and the topic until then.")
