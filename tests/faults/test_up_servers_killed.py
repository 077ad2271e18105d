"""The servers of `newar up` are killed in turn under load: they come back, and nobody notices but the terminal."""

from __future__ import annotations

from collections import Counter
from contextlib import suppress

import httpx
import psutil
import trio

from ops.demo.proof import prove, read_ledger, read_rows
from tests.faults.report import report
from tests.faults.test_up_killed import PAGES, RECIPIENTS, Up, count, finished, graph_url, submit_runs, up
from tests.integration.local.processes import PROGRAMS
from tests.integration.up.processes import name_of
from tests.patience import patience_s

__all__ = ["graph_url", "up"]
ORDER = ("redis", "postgres", "kafka", "redis", "kafka", "postgres")


def kill_server(up: Up, name: str) -> None:
    """Kill the server itself: the child of its guard."""
    [server] = [p for guard in up.children() for p in below(guard) if name_of(p) == PROGRAMS[name]]
    server.kill()


def below(guard: psutil.Process) -> list[psutil.Process]:
    """Return its children; none when it has ended."""
    with suppress(psutil.NoSuchProcess):
        return list(guard.children())
    return []


async def test_the_servers_of_up_come_back_and_every_message_has_its_true_outcome(up: Up, graph_url: str) -> None:
    await up.start()
    await submit_runs(up)
    killed: Counter[str] = Counter()
    for number, name in enumerate(ORDER):
        enough = 1 + number * PAGES * RECIPIENTS // 8
        await up.until(lambda enough=enough: count(graph_url) >= enough, "messages")  # type: ignore[misc]
        kill_server(up, name)
        killed[name] += 1
        await up.until(lambda name=name: up.said("local_server_back", name) == killed[name], "it is back")  # type: ignore[misc]
    await up.until(lambda: finished(up), "the runs' end")
    proof = prove(read_rows(up.database_url), await read_ledger(graph_url), recipients=PAGES * RECIPIENTS)
    assert proof.problems == []
    assert proof.outcomes == {"sent": PAGES * RECIPIENTS}
    assert proof.rows == proof.accepted == PAGES * RECIPIENTS
    async with httpx.AsyncClient(base_url=up.url, headers=up.token, timeout=patience_s()) as client:
        with trio.fail_after(patience_s()):
            while (health := (await client.get("/health")).json())["status"] != "ok":
                await trio.sleep(0.1)
        metrics = (await client.get("/metrics")).text
    for name, part in (("redis", "redis"), ("kafka", "kafka"), ("postgres", "log_database")):
        assert f"restarts of its local server: {killed[name]}" in health["checks"][part]["detail"]
        assert f'newar_local_server_restarts_total{{server="{name}"}} {killed[name]}.0' in metrics
        assert f'newar_local_server_up{{server="{name}"}} 1.0' in metrics
    report("servers of newar up killed in turn", recipients=proof.recipients, kills=len(ORDER))
