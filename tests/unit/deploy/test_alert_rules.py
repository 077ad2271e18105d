"""What the alerts make of figures that come in an awkward way, as Prometheus's own tool works it out."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Iterable
from pathlib import Path

import pytest

from tests.unit.deploy.files import DEPLOY, read_yaml

PROMTOOL = shutil.which("promtool")
RULES = DEPLOY / "prometheus" / "newar.rules.yml"
BY_NAME = {rule["alert"]: rule for group in read_yaml(RULES)["groups"] for rule in group["rules"]}
COUNTED = {
    name: re.findall(r"increase\((\w+)\[", rule["expr"])[0]
    for name, rule in BY_NAME.items()
    if "increase(" in rule["expr"]
}
"""Alert -> the counter whose increase it asks for."""
UPTIME = "newar_process_uptime_seconds"


def firing(folder: Path, at: str, figures: dict[str, str], alerts: Iterable[str] = COUNTED) -> set[str]:
    """Work out which of these alerts fire. Each figure has a value every 15 s, as promtool writes them."""
    if PROMTOOL is None:
        pytest.skip("this needs promtool: apt-get install prometheus")
    series = [{"series": name, "values": values} for name, values in figures.items()]
    asked = [{"eval_time": at, "alertname": alert, "exp_alerts": []} for alert in alerts]
    tests = [{"interval": "15s", "input_series": series, "alert_rule_test": asked}]
    file = folder / "test.json"
    file.write_text(json.dumps({"rule_files": [str(RULES)], "evaluation_interval": "15s", "tests": tests}))
    found = subprocess.run([PROMTOOL, "test", "rules", str(file)], capture_output=True, text=True, check=False)
    fired = set(re.findall(r"alertname: (\w+), time:", found.stdout + found.stderr))
    assert bool(fired) == (found.returncode != 0), found.stderr
    return fired


def of(process: str, metric: str, **labels: str) -> str:
    pairs = {"process": process, **labels}
    return f"{metric}{{{','.join(f'{name}=%s' % json.dumps(value) for name, value in pairs.items())}}}"


def test_what_a_new_process_had_counted_before_the_first_look_is_seen(tmp_path: Path) -> None:
    figures = {of("a", UPTIME): "_x8 10+15x20", **{of("a", counter): "_x8 3x20" for counter in COUNTED.values()}}
    assert firing(tmp_path, "3m", figures) == COUNTED.keys()


@pytest.mark.parametrize(("values", "seen"), [("5x20", set()), ("5x10 6x10", COUNTED.keys())])
def test_what_an_old_process_counted_long_ago_is_not(values: str, seen: set[str], tmp_path: Path) -> None:
    figures = {of("a", UPTIME): "500000+15x20", **{of("a", counter): values for counter in COUNTED.values()}}
    assert firing(tmp_path, "4m", figures) == seen


def test_what_a_process_counted_that_was_soon_gone_is_told_for_an_hour(tmp_path: Path) -> None:
    figures = {of("a", UPTIME): "5+15x2 stale", **{of("a", counter): "1x2 stale" for counter in COUNTED.values()}}
    assert firing(tmp_path, "50m", figures) == COUNTED.keys()
    assert firing(tmp_path, "61m30s", figures) == set()


def test_what_a_process_counted_that_was_stopped_for_long_is_seen(tmp_path: Path) -> None:
    figures = {of("a", UPTIME): "500000x4 stale _x120 502000x9"}
    figures |= {of("a", counter): "0x4 stale _x120 1x9" for counter in COUNTED.values()}
    assert firing(tmp_path, "33m", figures) == COUNTED.keys()


def test_a_breaker_that_lets_a_probe_through_now_and_then_is_open(tmp_path: Path) -> None:
    figures = {'newar_breakers{state="open"}': "1x16 0 1x30"}
    assert firing(tmp_path, "11m", figures, ["NewarBreakersOpen"])
    assert not firing(tmp_path, "11m", {'newar_breakers{state="open"}': "1x8 0x40"}, ["NewarBreakersOpen"])


def test_an_ingest_without_the_log_database_blames_no_broker(tmp_path: Path) -> None:
    alert, waiting = ["NewarIngestWithoutPartitions"], {of("a", "newar_ingest_without_partitions_seconds"): "90x9"}
    assert firing(tmp_path, "1m", waiting, alert)
    down = of("a", "newar_part_unreachable", part="database")
    assert firing(tmp_path, "1m", {**waiting, down: "0x9"}, alert)
    assert not firing(tmp_path, "1m", {**waiting, down: "1x9"}, alert)


def test_an_alert_that_asks_for_an_increase_asks_for_new_processes_too() -> None:
    for alert, counter in COUNTED.items():
        expr = " ".join(BY_NAME[alert]["expr"].split())
        [(hours, unit)] = re.findall(r"increase\(\w+\[(\d+)(h)\]", expr)
        assert unit == "h"
        young = f"last_over_time(newar_process_uptime_seconds[{hours}h]) < {int(hours) * 3600}"
        assert expr.endswith(f"or sum(last_over_time({counter}[{hours}h]) and on (process) {young}) > 0")
