"""Which numbers each page has to show, and what they have to be, by what was counted again."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator
from typing import NamedTuple

from tests.browser.truth.recount import FINAL, Recount, Row, RunCount

UNKNOWN = "\N{EN DASH}"
OPENS_AT = 5
"""Failures in a row that open a breaker."""
UNSTEADY = re.compile(
    r"(.* / )?(Per second|Time left|Oldest|Connections( / note)?|Graph API, p95( / note)?|p50 · p95|Next try|Last)"
    r"|Messages per second / .*|Why it is as fast as it is / .*|.* / Per second / may|State / Expires|text"
)
"""Where times, speeds and what follows from them stand: they are of another moment when they are counted again."""


class Shown(NamedTuple):
    """A number as it has to be shown."""

    place: str
    text: str
    """A pattern."""
    surely: bool = True
    """False: of these the page chooses some."""


class World(NamedTuple):
    """What is so, and what of it can be known."""

    so: Recount
    queue_lost: bool = False
    log_away: bool = False


def overview(world: World) -> Iterator[Shown]:
    """The start page."""
    so = world.so
    waiting, left = so.waiting, {name: run.recipients - run.done for name, run in so.waiting.items()}
    stopped = 0 if world.queue_lost else 1
    yield Shown("Figures / May go now", "0")
    yield Shown("Figures / In flight", "0")
    yield Shown("Figures / Outbox", "0")
    yield Shown("Figures / Log lag", "0")
    yield Shown("Figures / Log lag / note", "events not yet rows, 0 s behind")
    yield Shown("Figures / Pages stopped", str(stopped))
    ended = sum((run.final for run in so.runs.values()), Counter[str]())
    yield from (Shown(f"Outcomes / {name.title()}", str(ended[name])) for name in FINAL)
    if world.queue_lost:
        yield Shown("Figures / Wait", "0")
        yield Shown("Figures / Wait / note", f"and those of runs whose queue was lost: {len(waiting)} runs")
        yield Shown("Runs / title", f"Runs 0 in the queue, {len(waiting)} whose queue was lost")
        for page_id in {run.page_id for run in so.runs.values()}:
            for title in ("May go", "Wait"):
                yield Shown(f"Busiest pages / {page_id} / {title}", UNKNOWN, surely=False)
            yield Shown(f"Busiest pages / {page_id} / Runs", "1" if page_id in _pages(waiting) else "0", surely=False)
    else:
        yield Shown("Figures / Wait", str(sum(left.values())))
        yield Shown("Figures / Wait / note", f"most: {left['blocked']}, braked")
        yield Shown("Runs / title", f"Runs {len(waiting)} in the queue")
        failed = sum(row.outcome == "retrying" for row in so.runs["locked"].rows)
        told = "|".join(map(str, range(OPENS_AT, failed + 1)))  # one that came behind the opening may count no more
        yield Shown(
            "What needs you / item", rf"The breaker of page 103 is open\. Failures: ({told}); reason: code 190.*"
        )
        yield Shown("What needs you / item", r"Run blocked is braked by the rule content-reported: code 368/1346003.*")
        for run in waiting.values():
            yield Shown(f"Busiest pages / {run.page_id} / Runs", "1")
            yield Shown(f"Busiest pages / {run.page_id} / May go", "0")
            yield Shown(f"Busiest pages / {run.page_id} / Wait", str(left[run.run_id]))
        missed = [row for row in so.rows if row.outcome in ("failed", "unknown")]
        yield from (Shown(f"Recent failures / {row.person} / Message", _answer(row), surely=False) for row in missed)
    runs = so.runs.values() if world.queue_lost else [run for run in so.runs.values() if run.is_taken]
    for run in runs:
        yield from run_row(run, world, "Runs / ")


def runs_list(world: World) -> Iterator[Shown]:
    """All runs."""
    for run in world.so.runs.values():
        if run.is_taken or not world.log_away:
            yield from run_row(run, world)


def run_row(run: RunCount, world: World, title: str = "") -> Iterator[Shown]:
    """A run in a list."""
    unknown = _is_unknown(run, world)
    others = sum(run.final[name] for name in FINAL if name not in ("sent", "failed"))
    place = f"{title}{run.run_id} / "
    yield Shown(f"{place}Progress", UNKNOWN if unknown else _percent(run))
    yield Shown(f"{place}Recipients", str(run.recipients))
    for name, n in (("Sent", run.final["sent"]), ("Failed", run.final["failed"]), ("Other", others)):
        yield Shown(f"{place}{name}", UNKNOWN if unknown else str(n))


HISTORY = "What happened, and what held it"
_FOR = r"(\d+ min )?\d+ s"
"""More than a minute, where the machine is busy."""
_LONG = f"(until now|{_FOR})"
STRETCHES = (
    rf"(not known since when )?\u2013 {_LONG} braked (by rule content-reported )?.*code 368.*",
    rf"(not known since when )?\u2013 {_LONG} the page is paused .*",
    r"(not known since when )?\u2013 until now its queue was lost.*",
    rf"\u2013 {_FOR} paused by a person .* left",
    rf"(not known since when )?\u2013 {_LONG} the page's breaker is open .*code 190.*",
)


def one_run(run_id: str) -> Callable[[World], Iterator[Shown]]:
    """A run's page."""

    def shown(world: World) -> Iterator[Shown]:
        run = world.so.runs[run_id]
        unknown, everybody = _is_unknown(run, world), run.recipients
        done = f"{UNKNOWN} {UNKNOWN}" if unknown else f"{_percent(run)} {run.done}"
        logged = "" if world.log_away or unknown else f" log: {run.done} of {everybody}"
        yield Shown("State / text", f"{done} of {everybody} recipients have their outcome{logged}", surely=True)
        yield from (Shown(f"State / {name.title()}", UNKNOWN if unknown else str(run.final[name])) for name in FINAL)
        yield Shown("State / May go now", "0")
        yield Shown("State / item", rf".*messages that wait for this: {everybody - run.done}", surely=False)
        yield Shown("State / text", r"Braked by the rule content-reported.*", surely=False)
        yield Shown("About this run / Priority", "0")
        yield from (Shown(f"{HISTORY} / item", what, surely=False) for what in STRETCHES)
        if world.log_away:
            return
        yield Shown(f"{HISTORY} / item", rf"submitted by .* page {run.page_id}, {everybody} recipients")
        yield Shown(f"{HISTORY} / item", rf"cancelled by .* {everybody} left", surely=False)
        if run.missed:
            yield Shown("Who was not reached / title", f"Who was not reached {run.missed.total()}")
        for (outcome, error_class), n in run.missed.items():
            place = f"Who was not reached / {outcome.title()} {error_class.replace('_', ' ')}"
            yield Shown(f"{place} / People", str(n))
            yield Shown(f"{place} / Retry", f"Retry these {n}", surely=run.is_over)

    return shown


def pages_list(world: World) -> Iterator[Shown]:
    """All pages."""
    pages = {run.page_id for run in world.so.runs.values()}
    waiting = {run.page_id: run for run in world.so.waiting.values()}
    states = (f"{len(pages)} .*",) if world.queue_lost else (f"{len(waiting)} waiting", "1 paused", "1 breaker open")
    yield from (Shown("item", words) for words in states)
    for page_id in pages:
        left = waiting[page_id].recipients - waiting[page_id].done if page_id in waiting else 0
        yield Shown(f"{page_id} / State", ".*", surely=False)
        yield Shown(f"{page_id} / May go", UNKNOWN if world.queue_lost else "0")
        yield Shown(f"{page_id} / Wait", UNKNOWN if world.queue_lost else str(left))
        yield Shown(f"{page_id} / Runs", "1" if page_id in waiting else "0")


def one_page(page_id: str) -> Callable[[World], Iterator[Shown]]:
    """A page's page."""

    def shown(world: World) -> Iterator[Shown]:
        runs = [run for run in world.so.waiting.values() if run.page_id == page_id]
        yield Shown("title", page_id)
        left = sum(run.recipients - run.done for run in runs)
        yield Shown("State / May go now", UNKNOWN if world.queue_lost else "0")
        yield Shown("State / Wait", UNKNOWN if world.queue_lost else str(left))
        yield Shown("Runs / title", f"Runs {len(runs)} unfinished")
        for run in runs:
            yield from run_row(run, world, "Runs / ")

    return shown


def person(psid: str, *runs: str) -> Callable[[World], Iterator[Shown]]:
    """A person's page. `runs`: in which they stand."""

    def shown(world: World) -> Iterator[Shown]:
        if world.log_away:
            return
        rows = [row for row in world.so.rows if row.person == psid]
        yield Shown("Runs / title", f"Runs {len(runs)}")
        for run_id in runs:
            yield Shown(f"Runs / {run_id} / Attempts", str(sum(row.run_id == run_id for row in rows)))
        yield Shown("Why nothing was sent / item", ".*", surely=False)
        yield from log_rows(rows, "Attempts / ")

    return shown


def job(run_id: str, psid: str) -> Callable[[World], Iterator[Shown]]:
    """A message's page."""

    def shown(world: World) -> Iterator[Shown]:
        if world.log_away:
            return
        rows = [row for row in world.so.runs[run_id].rows if row.person == psid]
        yield Shown("Where it is / Attempts", rf"{len(rows)}( · 0 count against the retries)?")
        yield from log_rows(rows, "Attempts / ")

    return shown


def log(world: World) -> Iterator[Shown]:
    """The log's rows of those whom the run of all ends did not reach."""
    if not world.log_away:
        missed = ("failed", "suppressed", "expired", "unknown", "cancelled")
        yield from log_rows([row for row in world.so.runs["mixed"].rows if row.outcome in missed])


def suppressions(world: World) -> Iterator[Shown]:
    """Who is left out."""
    for psid, reason in [] if world.log_away else world.so.suppressed:
        if reason == "denied":
            yield Shown(f"{psid} / By", r"ADMIN_TOKEN@127\.0\.0\.1")


def log_rows(rows: list[Row], title: str = "") -> Iterator[Shown]:
    """Rows of the log."""
    for row in rows:
        place = f"{title}{row.person} / "
        yield Shown(f"{place}Try", str(row.attempt))
        yield Shown(f"{place}Took", UNKNOWN if row.latency_ms is None else f"{round(row.latency_ms)} ms")
        if row.message and re.search(r"\d", _told(row)):
            yield Shown(f"{place}Answer", _answer(row))


PAGES: dict[str, Callable[[World], Iterator[Shown]]] = {
    "": overview,
    "/runs": runs_list,
    **{
        f"/runs/{name}": one_run(name) for name in ("mixed", "put-off", "waits", "locked", "blocked", "dropped", "late")
    },
    "/pages": pages_list,
    "/pages/102": one_page("102"),
    "/pages/103": one_page("103"),
    "/people/71000000": person("71000000", "mixed"),
    "/people/71000009": person("71000009", "put-off"),
    "/people/71000110": person("71000110", "waits"),
    "/people/71000600": person("71000600", "later-on"),
    "/jobs/mixed/71000003": job("mixed", "71000003"),
    "/jobs/waits/71000110": job("waits", "71000110"),
    "/log?run=mixed&failures=1": log,
    "/suppressions": suppressions,
}


def _pages(runs: dict[str, RunCount]) -> set[str]:
    return {run.page_id for run in runs.values()}


def _is_unknown(run: RunCount, world: World) -> bool:
    """Whether nobody can say how far it is: neither the queue, nor a row."""
    return world.queue_lost and run.is_taken and not run.rows


def _percent(run: RunCount) -> str:
    return f"{100 * run.done // run.recipients} %"


def _answer(row: Row) -> str:
    return re.escape(_told(row))


def _told(row: Row) -> str:
    code = "" if row.code is None else f" ({row.code}{'' if row.subcode is None else f'/{row.subcode}'})"
    return " ".join(f"{row.message or ''}{code}".split())
