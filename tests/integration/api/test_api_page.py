"""What docs/api.md shows is what the service does."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
import trio
from redis import Redis

from schema.runtime.asyncio_door import aio
from tests.integration.api.serving import Api
from tests.integration.commands.servers import sql
from tests.integration.runs.by_hand.world import make_partitions
from tests.patience import patience_s
from tests.unit.api.contents import write_run

PAGE = Path(__file__).parents[3] / "docs" / "api.md"
KEY = 43 * "A" + "="


def examples() -> list[str]:
    return re.findall(r"^    (curl .*)$", PAGE.read_text("utf-8"), re.MULTILINE)


def written(folder: Path) -> None:
    """Write the files that the page speaks of."""
    text = re.search(r'^    (\{"run": .*?\]\})$', PAGE.read_text("utf-8"), re.MULTILINE | re.DOTALL)
    assert text is not None
    now = datetime.now(UTC).isoformat()
    run = json.loads(text[1])
    run["recipients"][0]["last_interaction_at"] = now
    (folder / "run.json").write_text(json.dumps(run))
    (folder / "described.json").write_text(json.dumps(run["run"]))
    (folder / "people.csv").write_text(f"recipient_id,name,last_interaction_at\n7001234567890123,Ann,{now}\n")


def finished_run(url: str) -> None:
    sql(
        url,
        "INSERT INTO runs (run_id, page_id, source, state, recipients, message, messaging_type, queue_epoch)"
        " VALUES ('5e1b9a', '104512345678901', 'submitted', 'finished', 1, '{\"text\": \"Hi\"}', 'UPDATE', 'e')",
    )
    sql(
        url,
        "INSERT INTO run_figures (run_id, outcome, error_class, messages, first_at, last_at)"
        " VALUES ('5e1b9a', 'failed', 'transient', 1, now(), now())",
    )


def dead_letters(url: str) -> None:
    """Put as many there as the page expects, for its reason."""
    sql(
        url,
        "INSERT INTO message_log_dead_letters SELECT 'c', 't', 0, n, '{}', 'recipient_id is empty'"
        " FROM generate_series(1, 12) n",
    )


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
async def test_every_example_is_answered_with_what_was_done(
    redis: Redis, api: Callable[..., Api], log_database_url: str, tmp_path: Path
) -> None:
    await aio(make_partitions, log_database_url)
    written(tmp_path)
    finished_run(log_database_url)
    dead_letters(log_database_url)
    write_run(redis, "7d9f2c", page="104512345678901", left=3)
    assert len(examples()) > 15
    async with api(admin_token="admin", log_database_url=log_database_url, token_encryption_key=KEY) as client:
        environment = {**os.environ, "API": str(client.base_url).rstrip("/"), "AUTH": "Authorization: Bearer admin"}
        for example in examples():
            command = ["bash", "-c", example.replace("curl ", "curl -sS --fail-with-body ", 1)]
            with trio.fail_after(patience_s()):
                done = await trio.run_process(
                    command, env=environment, cwd=tmp_path, capture_stdout=True, stderr=subprocess.STDOUT, check=False
                )
            assert done.returncode == 0, f"{example}: {done.stdout.decode()}"
