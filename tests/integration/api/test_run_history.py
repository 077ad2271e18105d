"""Runs that the registry knows and the queue does not."""

from __future__ import annotations

from collections.abc import Callable

import psycopg
import pytest
from redis import Redis

from tests.integration.api.serving import SECRET, Api
from tests.unit.api.contents import write_run


class TestRunHistory:
    @pytest.fixture
    def old_run(self, log_database_url: str) -> str:
        with psycopg.connect(log_database_url) as connection:
            connection.execute(
                "INSERT INTO runs (run_id, page_id, source, state, recipients, outcomes, finished_at, taken_at)"
                " VALUES ('old', '7', 'source', 'finished', 3, '{\"sent\": 2, \"failed\": 1}', now(), '2026-01-01Z')"
            )
            connection.execute(
                "INSERT INTO runs (run_id, page_id, source, state, reason) VALUES"
                " ('bad', '7', 'source', 'refused', 'unknown messaging type'), ('live', '7', 'source', 'active', '')"
            )
        return log_database_url

    async def test_the_registry_knows_what_the_queue_does_not(
        self, redis: Redis, api: Callable[..., Api], old_run: str
    ) -> None:
        write_run(redis, "live", left=5)
        async with api(log_database_url=old_run) as client:
            answer = (await client.get("/api/v1/runs")).json()
            assert answer["history"] == "ok"
            assert {run["run_id"]: run["left"] for run in answer["runs"]} == {"live": 5, "bad": None, "old": 0}
            assert answer["runs"][-1]["run_id"] == "old"
            old = (await client.get("/api/v1/runs/old")).json()
            assert (old["state"], old["outcomes"]["sent"], old["progress"]) == ("finished", 2, 1.0)
            assert (await client.get("/api/v1/runs/bad")).json()["reason"] == "unknown messaging type"
            for unknown in ("none", "%00"):
                assert (await client.get(f"/api/v1/runs/{unknown}")).status_code == 404

    async def test_runs_that_were_not_taken_are_there_with_their_reason(
        self, redis: Redis, api: Callable[..., Api], old_run: str
    ) -> None:
        write_run(redis, "live", left=5)
        with psycopg.connect(old_run) as connection:
            connection.execute(
                "INSERT INTO not_taken VALUES ('source', 'new', '7', 'waiting', 'nobody can be seen'),"
                " ('source', 'near', '7', 'word', 'its status is Queued'),"
                " ('source', 'old', '7', 'spent', 'used before'),"
                " ('source', 'live', '7', 'waiting', 'gone before the first')"
            )
        async with api(log_database_url=old_run) as client:
            runs = {run["run_id"]: run for run in (await client.get("/api/v1/runs")).json()["runs"]}
            assert {run_id: (run["state"], run["reason"]) for run_id, run in runs.items()} == {
                "new": ("waiting", "nobody can be seen"),
                "near": ("not_taken", "its status is Queued"),
                "old": ("finished", "used before"),
                "bad": ("refused", "unknown messaging type"),
                "live": ("active", "gone before the first"),
            }
            for run_id, run in runs.items():
                one = (await client.get(f"/api/v1/runs/{run_id}")).json()
                assert (one["state"], one["reason"]) == (run["state"], run["reason"])

    async def test_without_the_log_database_the_queue_is_still_shown(
        self, redis: Redis, api: Callable[..., Api], closed_port: int
    ) -> None:
        write_run(redis, "live", left=5)
        url = f"postgresql://newar:{SECRET}@127.0.0.1:{closed_port}/newar"
        async with api(log_database_url=url) as client:
            answer = (await client.get("/api/v1/runs")).json()
            assert (answer["history"], [run["run_id"] for run in answer["runs"]]) == ("down", ["live"])
            response = await client.get("/api/v1/runs/old")
            assert response.status_code == 503
            assert SECRET not in response.text
