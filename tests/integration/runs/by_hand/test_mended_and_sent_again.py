"""A message that nobody could get, mended and sent again: by a file of failures, and by a retry, with all services."""

from __future__ import annotations

import csv
import json
import os
import sys
from pathlib import Path
from typing import Any

import trio

from ops.acts.run_retry import name_stops
from ops.acts.settings import RetrySettings
from schema.outcomes import ErrorClass
from schema.runtime.asyncio_door import aio
from tests.integration.runs.by_hand.world import Again, made, make_partitions, people

PROJECT = Path(__file__).parents[4]
MENDED = '{"text": "Hi {{name|you}}"}'


async def newar(again: Again, folder: Path, *words: str, exit_code: int = 0) -> Any:
    """Run a command in a process of its own; return its stdout."""
    values = {name.upper(): str(value) for name, value in again.values.items() if name.endswith(("_url", "_servers"))}
    key = again.values["token_encryption_key"].get_secret_value()
    environment = {**os.environ, **values, "TOKEN_ENCRYPTION_KEY": key, "PYTHONPATH": str(PROJECT)}
    command = [sys.executable, "-m", "ops", *words]
    done = await trio.run_process(
        command, cwd=folder, env=environment, capture_stdout=True, capture_stderr=True, check=False
    )
    assert done.returncode == exit_code, done.stderr.decode()
    return done.stdout.decode()


async def test_mended_message_reaches_everybody_once_by_the_file_and_by_a_retry(again: Again, tmp_path: Path) -> None:
    everybody = people(4)
    for person in everybody:
        again.db.sql("INSERT INTO subscribers VALUES ('100', %s, NULL, now())", person)
    runs = [again.db.run(*two, message={"text": "Hi {{name}}"}) for two in (everybody[:2], everybody[2:])]
    (tmp_path / "fixed.json").write_text(MENDED)
    async with again.serving("runs", "sender", "ingest", enforce_messaging_window=True):
        for run, two in zip(runs, (everybody[:2], everybody[2:]), strict=True):
            assert await again.adds_up(run, two) == {"failed": 2}
        missed = await newar(again, tmp_path, "run", "failures", runs[0])
        (tmp_path / "missed.csv").write_text(missed)
        [row, _] = csv.DictReader(missed.splitlines())
        assert (row["error_class"], json.loads(row["newar:variables"])) == ("missing_variable", {"first_name": None})
        words = ("--page", "100", "--message", "fixed.json", "--json")
        submitted = json.loads(await newar(again, tmp_path, "run", "submit", "missed.csv", *words))
        assert await again.adds_up(submitted["run_id"], everybody[:2]) == {"sent": 2}
        retried = json.loads(await newar(again, tmp_path, "run", "retry", runs[1], "--message", "fixed.json", "--json"))
        assert await again.adds_up(retried["run_id"], everybody[2:]) == {"sent": 2}
    assert sorted(await again.accepted()) == everybody


async def test_whom_a_cancelled_run_never_came_to_is_counted(again: Again) -> None:
    await aio(make_partitions, again.db.url)
    run = again.db.run("1", "2", "3", "4", "5")
    await again.db.turn()
    for person, outcome, why in (
        ("1", "failed", "transient"),
        ("2", "cancelled", "run_cancelled"),
        ("3", "sent", None),
    ):
        again.db.log(run, person, outcome, error_class=why)
    again.db.sql("UPDATE runs SET state = 'finished', recipients = 3")
    made = await again.retry(run, ErrorClass.RUN_CANCELLED)
    assert (made.recipients, made.never_queued) == (1, 2)


async def test_run_that_was_braked_and_cancelled_is_mended_and_sent_to_the_rest(again: Again, tmp_path: Path) -> None:
    everybody = people(120)
    run = again.db.run(*everybody)
    await again.control(errors={"bad_payload_empty_button_title_2018053": 1.0})
    (tmp_path / "fixed.json").write_text(MENDED)
    async with again.serving("runs", "sender", "ingest"):

        async def braked() -> bool:
            return "brake" in (await again.db.facts(run)).held_by

        await again.state(run, "active")
        await again.until(braked, "the brake")
        await newar(again, tmp_path, "run", "cancel", run)
        outcomes = await again.adds_up(run, everybody)
        assert outcomes["cancelled"] > 0
        assert outcomes["failed"] >= 20
        await again.control(errors={})
        told = await newar(again, tmp_path, "run", "retry", run, "--message", "fixed.json")
        assert f"sends to at most {len(everybody)} recipients of {run}" in told
        child = told.split()[1].rstrip(":")
        assert await again.adds_up(child, everybody) == {"sent": len(everybody)}
    assert sorted(await again.accepted()) == everybody


async def test_mended_message_that_asks_for_a_name_that_nobody_has_is_told_before_a_retry(again: Again) -> None:
    again.db.sql("INSERT INTO subscribers VALUES ('100', '1', 'Ann', now())")
    run = again.db.run("1")
    await again.db.turn()
    settings = made(RetrySettings, again.values)
    [stop] = await name_stops(settings, run, {"text": "Hi {{user_first_name}}"})
    assert "write {{first_name}}" in stop
    assert await name_stops(settings, run, {"text": "Hi {{first_name}}"}) == []
    assert await name_stops(settings, run, {"text": "{{"}) == []
