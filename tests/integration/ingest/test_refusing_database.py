"""The ingest before a log database that answers and refuses: one line that says what to do, then on when mended."""

from __future__ import annotations

import psycopg
from structlog.testing import capture_logs

from ingest.settings import IngestSettings
from tests.integration.ingest.events import event, ingested, recipients, until
from tests.integration.ingest.service import produce, running


async def test_database_that_becomes_read_only_is_told_once_and_written_to_again_when_it_is_mended(
    settings: IngestSettings, log_database_url: str
) -> None:
    name = log_database_url.rsplit("/", 1)[-1]
    with psycopg.connect(log_database_url, autocommit=True) as owner, capture_logs() as lines:
        async with running(settings):
            await produce(settings, [event(1)])
            await until(lambda: ingested(log_database_url) == 1)
            owner.execute(f"ALTER DATABASE {name} SET default_transaction_read_only = on".encode())
            others = (
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s AND pid <> pg_backend_pid()"
            )
            owner.execute(others, [name])
            await produce(settings, [event(2)])
            await until(lambda: any(line["event"] == "part_refuses" for line in lines))
            await produce(settings, [event(3)])
            owner.execute(f"ALTER DATABASE {name} RESET default_transaction_read_only".encode())
            await until(lambda: ingested(log_database_url) == 3)
    assert recipients(log_database_url) == [1, 2, 3]
    [refusal] = [line for line in lines if line["event"] == "part_refuses"]
    assert (refusal["part"], "takes no writes" in refusal["reason"]) == ("log_database", True)
