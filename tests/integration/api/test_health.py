"""The health of the parts: well, not configured, away."""

from __future__ import annotations

from collections.abc import Callable

from redis import Redis

from schema.snapshot import RunsSnapshot, SourceSnapshot
from tests.integration.api.serving import SECRET, Api
from tests.tls.doors import Doors
from tests.unit.api.contents import ingest, process, publish, sender


class TestHealth:
    async def test_all_is_well(
        self, redis: Redis, api: Callable[..., Api], postgres_url: str, kafka_bootstrap: str
    ) -> None:
        seen = RunsSnapshot(sources={"source": SourceSnapshot(polls=1), "submitted": SourceSnapshot(polls=1)})
        publish(redis, process("a", sender=sender()), process("b", ingest=ingest()), process("c", runs=seen))
        addresses = {
            "log_database_url": postgres_url,
            "source_database_url": postgres_url,
            "kafka_bootstrap_servers": kafka_bootstrap,
        }
        async with api(**addresses) as client:
            response = await client.get("/health")
        assert response.status_code == 200
        assert response.json()["status"] == "ok"
        assert {name: check["status"] for name, check in response.json()["checks"].items()} == dict.fromkeys(
            ("redis", "kafka", "log_database", "source_database", "submitted_runs", "senders", "ingest", "sending"),
            "ok",
        )

    async def test_what_a_source_refuses_or_does_not_answer_is_said_of_it_alone(
        self, redis: Redis, api: Callable[..., Api], postgres_url: str
    ) -> None:
        well, refused = SourceSnapshot(polls=1), SourceSnapshot(polls=1, trouble="permission denied")
        silent = SourceSnapshot(polls=1, trouble="permission denied", silence="it has not answered for 12 s")
        publish(
            redis,
            process("a", sender=sender()),
            process("b", ingest=ingest()),
            process("c", runs=RunsSnapshot(sources={"source": refused, "submitted": well})),
            process("d", runs=RunsSnapshot(sources={"source": well, "submitted": silent})),
        )
        async with api(log_database_url=postgres_url, source_database_url=postgres_url) as client:
            health = (await client.get("/health")).json()
        assert health["status"] == "degraded"
        told = {name: health["checks"][name] for name in ("log_database", "source_database", "submitted_runs")}
        assert told == {
            "log_database": {"status": "ok", "detail": "answers"},
            "source_database": {"status": "degraded", "detail": "permission denied (says 1 of 2 run processors)"},
            "submitted_runs": {
                "status": "degraded",
                "detail": "it has not answered for 12 s (says 1 of 2 run processors)",
            },
        }

    async def test_where_no_run_processor_reports_nobody_knows_how_runs_are_looked_at(
        self, redis: Redis, api: Callable[..., Api]
    ) -> None:
        publish(redis, process("a", sender=sender()), process("b", ingest=ingest()))
        async with api() as client:
            health = (await client.get("/health")).json()
        assert health["status"] == "degraded"
        assert health["checks"]["submitted_runs"]["status"] == "unknown"
        assert "newar runs" in health["checks"]["submitted_runs"]["detail"]

    async def test_what_is_not_configured_degrades_nothing(self, redis: Redis, api: Callable[..., Api]) -> None:
        seen = RunsSnapshot(sources={"submitted": SourceSnapshot()})
        publish(redis, process("a", sender=sender()), process("b", ingest=ingest()), process("c", runs=seen))
        async with api() as client:
            health = (await client.get("/health")).json()
        assert health["status"] == "ok"
        assert health["checks"]["kafka"]["status"] == "not_configured"

    async def test_trouble_of_tls_is_named_with_what_to_write(
        self, redis: Redis, api: Callable[..., Api], doors: Doors, postgres_url: str, kafka_bootstrap: str
    ) -> None:
        addresses = {
            "log_database_url": doors.checked_postgres(postgres_url, "another name"),
            "source_database_url": f"{postgres_url}?sslmode=require",
            "kafka_bootstrap_servers": f"127.0.0.1:{doors.open(kafka_bootstrap)}",
        }
        async with api(**addresses) as client:
            checks = (await client.get("/health")).json()["checks"]
        assert "is for another name" in checks["log_database"]["detail"]
        assert "does not speak TLS on this port" in checks["source_database"]["detail"]
        assert "KAFKA_SECURITY_PROTOCOL=SSL" in checks["kafka"]["detail"]

    async def test_what_is_away_degrades_and_keeps_its_password(
        self, redis: Redis, api: Callable[..., Api], closed_port: int
    ) -> None:
        publish(redis, process("a", sender=sender(graph_down=True)))
        addresses = {
            "log_database_url": f"postgresql://newar:{SECRET}@127.0.0.1:{closed_port}/newar",
            "source_database_url": f"postgresql://newar:{SECRET}%zz@127.0.0.1:{closed_port}/newar",
            "kafka_bootstrap_servers": f"127.0.0.1:{closed_port}",
        }
        async with api(**addresses) as client:
            response = await client.get("/health")
        assert response.status_code == 200
        assert response.json()["status"] == "degraded"
        checks = response.json()["checks"]
        assert {checks[name]["status"] for name in ("kafka", "log_database", "source_database", "ingest")} == {"down"}
        assert checks["senders"] == {"status": "degraded", "detail": "1 running, Graph API unreachable from 1"}
        assert "connection refused" in checks["log_database"]["detail"]
        assert SECRET not in response.text
