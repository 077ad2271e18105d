"""`newar up` is killed under load, alone or with its servers, and started again on the same data folder."""

from __future__ import annotations

import contextlib
import io
import json
import random
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import httpx
import psutil
import psycopg
import pytest
import trio
from dotenv import dotenv_values
from pydantic import SecretStr

from ops.demo.proof import prove, read_ledger, read_rows
from ops.fakegraph.child_process import open_fakegraph
from schema.runtime.asyncio_door import aio
from sender.runs.by_hand.submit import SubmittedRun, submit
from sender.sealed_tokens import TokenBox
from tests.faults.report import report
from tests.integration.up.processes import descendants_of, environment, not_gone
from tests.patience import patience_s

PAGES = 3
RECIPIENTS = 700
"""Of each page's run."""
KILLS = 2
FAST = {
    "POLL_INTERVAL_MS": "100",
    "ENQUEUE_CHUNK": "100",
    "LEASE_MS": "1000",
    "WORKER_CONCURRENCY": "30",
    "ENFORCE_MESSAGING_WINDOW": "false",
    "RATE_LIMIT_PER_PAGE": "300",
    "LOG_BATCH_INTERVAL_MS": "100",
    "ADMIN_TOKEN": "an-admin-token-for-tests-alone",
}


class Up:
    """`newar up` with its data in one folder."""

    def __init__(self, folder: Path, graph_url: str, **more: str) -> None:
        self._folder = folder
        self._environment = environment(**{"GRAPH_API_URL": graph_url, **FAST, **more})
        self._log = folder / "up.log"
        self._process: subprocess.Popen[str] | None = None

    async def start(self) -> float:
        """Start it; return the seconds until it serves."""
        began_at = trio.current_time()
        self._process = self._open()
        await self.until(lambda: "newar_is_up" in self._log.read_text(), "the start")
        return trio.current_time() - began_at

    def _open(self) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "ops", "up", "--data", str(self._folder / ".newar")]
        with self._log.open("w") as log:
            return subprocess.Popen(
                command,
                cwd=self._folder,
                env=self._environment,
                stdout=log,
                stderr=log,
                text=True,
                start_new_session=True,
            )

    def kill(self, *, with_its_servers: bool) -> None:
        """End it by SIGKILL; return when nothing of it is left."""
        if self._process is None:
            return
        helpers = descendants_of(self._process, self._folder / ".newar") if self._process.poll() is None else []
        self._process.kill()
        for helper in helpers if with_its_servers else []:
            with contextlib.suppress(psutil.NoSuchProcess):
                helper.kill()
        self._process.wait()
        self._process = None
        assert not_gone(helpers) == []

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to it, not to its API and servers."""
        assert self._process is not None
        self._process.send_signal(number)

    @property
    def failed(self) -> bool:
        """Whether it has ended, although nobody killed it."""
        return self._process is not None and self._process.poll() is not None

    def children(self) -> list[psutil.Process]:
        """Return the API's process and the guards of its servers."""
        assert self._process is not None
        return list(psutil.Process(self._process.pid).children())

    def said(self, event: str, server: str) -> int:
        """Return how often it has said this of a local server."""
        lines = self._log.read_text().splitlines()
        return sum(f'"event": "{event}"' in line and f'"server": "{server}"' in line for line in lines)

    @property
    def url(self) -> str:
        """Where its API is."""
        [line] = [line for line in self._log.read_text().splitlines() if '"newar_is_up"' in line]
        return str(json.loads(line)["dashboard"]).removesuffix("/admin")

    @property
    def token(self) -> dict[str, str]:
        """Return the header that lets one in there."""
        return {"Authorization": f"Bearer {FAST['ADMIN_TOKEN']}"}

    async def until(self, condition: Callable[[], bool], what: str) -> None:
        """Wait for something that comes while it runs."""
        assert self._process is not None
        with trio.move_on_after(patience_s()):
            while not condition():
                assert self._process.poll() is None, f"{what}: it ended by itself\n{self._log.read_text()}"
                await trio.sleep(0.1)
            return
        pytest.fail(f"{what}: not in time\n{self._log.read_text()[-4000:]}")

    @property
    def database_url(self) -> str:
        """Where its log database is; another port at each start."""
        return str(dotenv_values(self._folder / ".newar/up.env")["LOG_DATABASE_URL"])

    def box(self) -> TokenBox:
        """Return what seals tokens for it."""
        return TokenBox(SecretStr((self._folder / ".newar/token-encryption-key").read_text()))


@pytest.fixture
async def graph_url(asyncio_loop: Any) -> AsyncIterator[str]:
    async with open_fakegraph("--latency-ms", "30") as url:
        yield url


@pytest.fixture
async def up(graph_url: str, tmp_path: Path) -> AsyncIterator[Up]:
    up = Up(tmp_path, graph_url)
    try:
        yield up
    finally:
        up.kill(with_its_servers=True)


async def submit_runs(up: Up) -> None:
    people = "".join(f"{7_000_000_000 + n}\n" for n in range(RECIPIENTS))
    for page in range(1, PAGES + 1):
        run = SubmittedRun(run_id=f"r{page}", page_id=str(page), page_access_token="EAAtoken", message={"text": "Hi"})
        await aio(submit, up.database_url, io.StringIO("recipient_id\n" + people), run, up.box(), "ana")


def fetch(up: Up, query: str) -> list[tuple[Any, ...]]:
    with psycopg.connect(up.database_url, autocommit=True) as connection:
        return connection.execute(query.encode()).fetchall()


def finished(up: Up) -> bool:
    [(runs, rows)] = fetch(
        up,
        "SELECT (SELECT count(*) FROM runs WHERE state = 'finished'), "
        "(SELECT count(*) FROM message_logs WHERE outcome <> 'retrying')",
    )
    return bool(runs == PAGES and rows >= PAGES * RECIPIENTS)


@pytest.mark.parametrize("with_its_servers", [False, True], ids=["alone", "with its servers"])
async def test_up_killed_again_and_again_loses_and_doubles_nothing(
    with_its_servers: bool, up: Up, graph_url: str
) -> None:
    accepted, moments = 0, random.Random(int(with_its_servers))  # noqa: S311
    starts_s = [await up.start()]
    await submit_runs(up)
    for kill in range(KILLS):
        enough = max(1, accepted + moments.randrange(400)) if kill else 1  # at first while runs are enqueued
        await up.until(lambda enough=enough: count(graph_url) >= enough, "messages")  # type: ignore[misc]
        await trio.sleep(moments.random() * 0.1)
        up.kill(with_its_servers=with_its_servers)
        accepted = count(graph_url)
        assert accepted < PAGES * RECIPIENTS, "killed too late"
        starts_s.append(await up.start())
    await up.until(lambda: finished(up), "the runs' end")
    proof = prove(read_rows(up.database_url), await read_ledger(graph_url), recipients=PAGES * RECIPIENTS)
    assert proof.problems == []
    assert proof.rows == PAGES * RECIPIENTS
    outcomes: Counter[str] = Counter()
    for (of_run,) in fetch(up, "SELECT outcomes FROM runs"):
        outcomes.update({outcome: n for outcome, n in of_run.items() if outcome != "retrying"})
    assert +outcomes == Counter(proof.outcomes)
    report(
        f"newar up killed, {'with its servers' if with_its_servers else 'alone'}",
        recipients=proof.recipients,
        kills=KILLS,
        unknown=proof.outcomes.get("unknown", 0),
        starts_s=starts_s,
    )


def count(graph_url: str) -> int:
    accepted: int = httpx.get(f"{graph_url}/__requests", timeout=patience_s()).json()["accepted"]
    return accepted
