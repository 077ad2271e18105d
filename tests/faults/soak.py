"""The random faults for hours: round after round, each with the next seed and new servers; percentiles at the end."""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

_TEST = f"{Path(__file__).with_name('test_random.py')}::test_random_faults_break_no_promise"
_COUNTED = ("recipients", "actions", "servers_killed", "servers_frozen", "unknown", "lost", "doubled", "other_findings")


def main() -> int:
    """Return 1 at the first broken promise, having named its seed."""
    parser = argparse.ArgumentParser(prog="nox -s soak --", description=__doc__)
    parser.add_argument("--hours", type=float, default=1.0, help="default: %(default)s")
    parser.add_argument("--round-seconds", type=float, default=120.0, help="of faults; default: %(default)s")
    parser.add_argument("--seed", type=int, default=1, help="of the first round; default: %(default)s")
    options = parser.parse_args()
    ends_at, seed, failed = time.monotonic() + options.hours * 3600, options.seed, False
    with tempfile.TemporaryDirectory() as folder:
        results = Path(folder) / "results"
        while not failed and (seed == options.seed or time.monotonic() < ends_at):
            failed = not _round(seed, options.round_seconds, results)
            seed += 1
        rounds = [json.loads(line) for line in results.read_text().splitlines()] if results.exists() else []
    print(json.dumps(_summary(rounds)))
    if failed:
        print(f"a promise was broken with seed {seed - 1}: nox -s soak -- --seed {seed - 1} --hours 0", file=sys.stderr)
    return int(failed)


def _round(seed: int, seconds: float, results: Path) -> bool:
    settings = {"NEWAR_FAULT_SEED": str(seed), "NEWAR_FAULT_SECONDS": str(seconds)}
    print(f"seed {seed}", flush=True)
    ended = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-o", "timeout=0", _TEST],
        env={**os.environ, **settings, "NEWAR_FAULT_REPORT": str(results)},
        check=False,
    )
    return ended.returncode == 0


def _summary(rounds: list[dict[str, Any]]) -> dict[str, Any]:
    recovered_s = sorted(value for one in rounds for value in one["recovered_s"])
    held = sum(one["held"] for one in rounds)
    cuts = statistics.quantiles(recovered_s, n=100, method="inclusive") if len(recovered_s) > 1 else []
    return {
        "rounds": len(rounds),
        **{name: sum(one[name] for one in rounds) for name in _COUNTED},
        "kills": len(recovered_s),
        "held": held,
        "held_unmarked_share": round(sum(one["held_unmarked"] for one in rounds) / held, 4) if held else 0.0,
        **{f"recovered_s_p{p}": round(cuts[p - 1], 2) for p in (50, 95, 99) if cuts},
        "recovered_s_max": max(recovered_s, default=0.0),
    }


if __name__ == "__main__":
    sys.exit(main())
