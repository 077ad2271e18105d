"""`newar log replay`: reading a part of the topic again, for rows that the log lost."""

from __future__ import annotations

import re
import sys
import time
from collections.abc import Callable
from importlib.resources import files
from typing import Annotated

import msgspec
import typer
from psycopg import AsyncConnection

from ingest.mending.erasures import Erased, load_erased
from ingest.mending.replay import Replayed, open_reader, replay
from ingest.mending.stretch import Stretch, Where, find_stretches
from ops.acts.log_connections import open_database, open_writer
from ops.commands.log.chosen import OfPartition
from ops.commands.partitions import PartitionSettings
from ops.settings.checked import load_checked
from ops.shell.output import AsJson, is_terminal, print_json, print_table
from ops.shell.person import who
from ops.shell.service import run_once
from ops.shell.times import since
from schema.migrate import require_current
from schema.runtime.asyncio_door import aio
from schema.runtime.kafka import prepare_topic
from schema.runtime.settings import KafkaSettings
from schema.topic import Log

_TELL_EVERY_S = 2.0


class ReplaySettings(KafkaSettings, PartitionSettings):
    """The topic, and the log with what is kept of it."""


def _where(text: str) -> Where:
    return Where(offset=int(text)) if re.fullmatch("[0-9]{1,18}", text) else Where(at=since(text))


def _turned_round(start: Where, stop: Where) -> bool:
    if start.at is not None and stop.at is not None:
        return start.at > stop.at
    return start.offset is not None and stop.offset is not None and start.offset > stop.offset


def replay_topic(
    start: Annotated[
        Where,
        typer.Option(
            "--from", parser=_where, metavar="TIME|OFFSET", help="Where to begin: 6h, a moment, or an offset; 0 is all."
        ),
    ],
    stop: Annotated[
        Where | None,
        typer.Option(
            "--to", parser=_where, metavar="TIME|OFFSET", help="Where to end, before it; left out: the topic's end now."
        ),
    ] = None,
    partition: OfPartition = None,
    as_json: AsJson = False,
) -> None:
    """Read a part of the topic again and write what the log lacks of it. The ingest may run; its offsets do not move.

    What is there already is not written again, so that it may be stopped, with Ctrl-C too, and repeated. A TIME is when
    events came into the topic; an OFFSET counts in each partition, or in that of --partition.
    """
    if stop is not None and _turned_round(start, stop):
        raise typer.BadParameter("it ends before it begins: --from must be before --to", param_hint="--to")
    settings = load_checked(ReplaySettings)
    done, begun_s = Replayed(), time.monotonic()
    tell = _Progress(begun_s, wanted=not as_json and is_terminal(sys.stderr))
    try:
        run_once(lambda: aio(_replay, settings, (start, stop, partition), done, tell))
    except KeyboardInterrupt:
        typer.echo("newar: stopped. What was found until then:", err=True)
        raise typer.Exit(130) from None
    finally:
        _print(done, as_json)


async def _replay(
    settings: ReplaySettings,
    wanted: tuple[Where, Where | None, int | None],
    done: Replayed,
    tell: Callable[[Replayed], None],
) -> None:
    await require_current(settings.log_database_url.get_secret_value())
    log = await prepare_topic(settings)
    stretches = await find_stretches(settings, *wanted)
    async with open_database(settings) as connection:
        erased = await _begin(connection, log, stretches)
    if not stretches:
        return
    async with open_reader(settings) as reader, open_writer(settings) as writer:
        await replay(reader, writer, log, stretches, erased, done, tell)


async def _begin(connection: AsyncConnection[tuple[object, ...]], log: Log, stretches: dict[int, Stretch]) -> Erased:
    """Note who replays what; return who must not come back."""
    parts = ", ".join(f"{p}: {s.first} to {s.end}" for p, s in sorted(stretches.items()))
    values = {"who": who(), "target": log.topic, "detail": f"partitions {parts}"[:2000] if parts else "nothing there"}
    await connection.execute(files("ops.commands.log").joinpath("sql", "replay_note.sql").read_bytes(), values)
    return await load_erased(connection)


class _Progress:
    """Says on a terminal how far it is, now and then."""

    def __init__(self, begun_s: float, *, wanted: bool) -> None:
        self._begun_s = begun_s
        self._wanted = wanted
        self._told_s = begun_s

    def __call__(self, done: Replayed) -> None:
        now_s = time.monotonic()
        if not self._wanted or now_s < self._told_s + _TELL_EVERY_S:
            return
        self._told_s = now_s
        rate = done.messages / (now_s - self._begun_s)
        typer.echo(f"{done.messages} messages read ({rate:.0f} a second), {done.rows} new rows", err=True)


_ALWAYS = ("messages", "rows", "repeated")
_SAID = {
    "messages": "messages read",
    "rows": "new rows: the log lacked them",
    "repeated": "in the log already",
    "corrected": "corrected rows: the topic knew better how they ended",
    "conflicting": "with the id of a row and another content: dead letters",
    "refused": "that no row can hold: dead letters",
    "too_old": "older than the log keeps: dropped",
    "erased": "of people who were erased: dropped",
    "forgotten": "offsets that the broker no longer has",
}


def _print(done: Replayed, as_json: bool) -> None:
    if as_json:
        print_json(done)
        return
    counts = msgspec.structs.asdict(done)
    rows = [(counts[name], said) for name, said in _SAID.items() if counts[name] or name in _ALWAYS]
    print_table(["COUNT", "WHAT"], rows)
