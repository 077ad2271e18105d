"""`newar demo`: what it proves, and what it leaves behind."""

from __future__ import annotations

import json
import signal
import time
from pathlib import Path

from ops.demo.proof import prove
from schema.job import job_id
from tests.integration.up.processes import (
    descendants_of,
    newar,
    not_gone,
)
from tests.patience import patience_s


def test_the_demo_proves_its_result(tmp_path: Path) -> None:
    with newar("demo", "--messages", "600", "--pages", "20", "--latency-ms", "5", "--json", cwd=tmp_path) as process:
        output, errors = process.communicate(timeout=patience_s())
    assert process.returncode == 0, errors
    result = json.loads(output.splitlines()[-1])
    assert result["ok"] is True
    assert result["recipients"] == result["rows"] == sum(result["outcomes"].values()) == 600
    assert result["duplicates"] == 0
    assert result["outcomes"]["suppressed"] >= 3
    assert list(tmp_path.iterdir()) == []


def test_the_demo_interrupted_leaves_nothing(tmp_path: Path) -> None:
    with newar("demo", "--messages", "50000", cwd=tmp_path, TMPDIR=str(tmp_path)) as process:
        deadline = time.monotonic() + patience_s()
        while not list(tmp_path.glob("newar-demo-*/token-encryption-key")) and time.monotonic() < deadline:
            time.sleep(0.05)
        helpers = descendants_of(process, tmp_path)
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=patience_s())
    assert process.returncode == 1
    assert not_gone(helpers) == []
    assert list(tmp_path.iterdir()) == []


def test_the_proof_finds_what_does_not_add_up() -> None:
    job = {n: job_id("r", str(n)).hex() for n in range(5)}
    rows = [("r", "0", "sent", 1), ("r", "1", "sent", 1), ("r", "2", "failed", 1), ("r", "3", "unknown", 2)]
    proof = prove(rows, [job[0], job[0], job[2], job[3]], recipients=5)
    assert proof.duplicates == 2
    assert proof.problems == [
        "1 recipients have no final row",
        "1 recipients have more than one final row",
        "1 messages arrived more than once",
        "1 messages are logged as sent and never arrived",
        "1 messages arrived and are logged neither as sent nor as unknown",
    ]
    assert prove([("r", "0", "sent", 1)], [job[0]], recipients=1).problems == []
