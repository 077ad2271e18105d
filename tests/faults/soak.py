"""All faults for hours: round after round, each of the kind and with the dice that its seed says, on new servers.

`nox -s soak -- --hours 8 --seed 100`; `nox -s soak -- --seed 107 --hours 0` repeats the round of seed 107, as far as
real servers and processes do the same again.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

HERE = Path(__file__).parent
_COUNTED = ("recipients", "actions", "servers_killed", "servers_frozen", "failovers", "kills")
_JUDGED = ("unknown", "lost", "doubled", "other_findings")


class Kind(NamedTuple):
    """A kind of round: which tests it runs, and what they are told besides the seed."""

    name: str
    tests: tuple[str, ...]
    settings: Mapping[str, str] = MappingProxyType({})


RANDOM = Kind("random", ("test_random.py::test_random_faults_break_no_promise",))
ROUNDS = (
    RANDOM,
    Kind("failovers", ("test_failover.py",), {"NEWAR_FAILOVERS": "5"}),
    RANDOM,
    Kind("sources", ("test_source_faults.py",), {"NEWAR_SOURCE_FAULTS": "60"}),
    RANDOM,
    Kind("log path", ("test_log_path.py",), {"NEWAR_LOG_EVENTS": "10000000"}),
    RANDOM,
    Kind("Redis", ("test_redis_full.py", "test_redis_moves.py", "test_redis_killed.py", "test_redis_away.py")),
    RANDOM,
    Kind("newar up", ("test_up_killed.py", "test_up_servers_killed.py")),
    RANDOM,
    Kind("queue model", ("test_queue_model.py",), {"NEWAR_ALL_TWINS": "1"}),
    RANDOM,
    Kind("broker and Postgres", ("test_broker_away.py", "test_postgres_away.py", "test_graph_away.py")),
    RANDOM,
    Kind(
        "senders", ("test_sender_killed.py", "test_sender_stopped.py", "test_session_lost.py", "test_lost_answers.py")
    ),
)
"""The kind of a round is that at its seed's place, again and again."""


def main() -> int:
    """Return 1 at the first broken promise, having named its seed and where everything about it lies."""
    parser = argparse.ArgumentParser(prog="nox -s soak --", description=__doc__)
    parser.add_argument("--hours", type=float, default=1.0, help="default: %(default)s; 0: one round")
    parser.add_argument("--round-seconds", type=float, default=120.0, help="of random faults; default: %(default)s")
    parser.add_argument("--seed", type=int, default=0, help="of the first round; default: %(default)s")
    options = parser.parse_args()
    ends_at, seed, failed = time.monotonic() + options.hours * 3600, options.seed, False
    folder = Path(tempfile.mkdtemp(prefix="newar-soak-"))
    results, kinds = folder / "results", Counter[str]()
    try:
        while not failed and (seed == options.seed or time.monotonic() < ends_at):
            failed = not _round(seed, options.round_seconds, folder / f"round-{seed}", results)
            kinds[kind_of(seed).name] += 1
            seed += 1
    except KeyboardInterrupt:
        print("stopped: what follows is of the rounds that had ended", file=sys.stderr)
    print(json.dumps(summary(kinds, _read(results))))
    if failed:
        again = f"nox -s soak -- --seed {seed - 1} --hours 0 --round-seconds {options.round_seconds:g}"
        print(f"a promise was broken: {again}\nall about it: {folder / f'round-{seed - 1}'}", file=sys.stderr)
    else:
        shutil.rmtree(folder, ignore_errors=True)
    return int(failed)


def kind_of(seed: int) -> Kind:
    """Return what a round of this seed does."""
    return ROUNDS[seed % len(ROUNDS)]


def _round(seed: int, seconds: float, folder: Path, results: Path) -> bool:
    """Run one round with all its files in `folder`, which stays when a promise was broken."""
    kind = kind_of(seed)
    settings = {"NEWAR_FAULT_SEED": str(seed), "NEWAR_FAILOVER_SEED": str(seed), "NEWAR_FAULT_SECONDS": str(seconds)}
    print(f"seed {seed}: {kind.name}", flush=True)
    folder.mkdir()
    tests = [str(HERE / test) for test in kind.tests]
    ended = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-o", "timeout=0", f"--basetemp={folder / 'files'}", *tests],
        env={**os.environ, **settings, **kind.settings, "NEWAR_FAULT_REPORT": str(results)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=False,
    )
    if ended.returncode == 0:
        shutil.rmtree(folder, ignore_errors=True)
        return True
    (folder / "output.txt").write_bytes(ended.stdout)
    sys.stdout.write(ended.stdout.decode(errors="replace")[-20_000:])
    return False


def _read(results: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in results.read_text().splitlines()] if results.exists() else []


def summary(kinds: Counter[str], told: list[dict[str, Any]]) -> dict[str, Any]:
    """Return what came of the rounds: `kinds` of them, and what their tests told."""
    recovered_s = sorted(value for one in told for value in one.get("recovered_s", []))
    held = sum(one.get("held", 0) for one in told)
    cuts = statistics.quantiles(recovered_s, n=100, method="inclusive") if len(recovered_s) > 1 else []
    by_cause = sum((Counter(one.get("unknown_by_cause", {})) for one in told), Counter[str]())
    return {
        "rounds": dict(kinds),
        **{name: sum(one.get(name, 0) for one in told) for name in _COUNTED + _JUDGED},
        "unknown_by_cause": dict(by_cause),
        "senders_killed": len(recovered_s),
        "held": held,
        "held_unmarked_share": round(sum(one.get("held_unmarked", 0) for one in told) / held, 4) if held else 0.0,
        **{f"recovered_s_p{p}": round(cuts[p - 1], 2) for p in (50, 95, 99) if cuts},
        "recovered_s_max": max(recovered_s, default=0.0),
    }


if __name__ == "__main__":
    sys.exit(main())
