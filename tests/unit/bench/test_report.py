"""What is printed of results."""

from __future__ import annotations

import json

import pytest

from ops.bench.conditions import Conditions
from ops.bench.http_case import HttpCase, HttpFigures
from ops.bench.percentiles import Percentiles
from ops.bench.report import print_report

CONDITIONS = Conditions(
    at="2026-01-01T00:00:00+00:00",
    cores=2,
    load_average_1m=0.1,
    python="3.11.7",
    system="Linux",
    file_descriptors=1024,
)
CASES = [HttpCase(client="httpx", tasks=100), HttpCase(client="pool", tasks=100)]


def figures(requests_per_s: float) -> HttpFigures:
    return HttpFigures(
        requests_per_s=requests_per_s,
        cpu_us={"client": 100.0, "fake Graph": 30.0},
        rss_mb={"client": 50.0},
        time=Percentiles(1.0, 2.0, 3.0),
    )


RATES = [[100.0, 200.0, 400.0], [900.0, 1000.0, 1600.0]]
ROUNDS = [[figures(rate) for rate in rates] for rates in RATES]


def test_json_has_medians_and_the_median_of_the_ratios(capsys: pytest.CaptureFixture[str]) -> None:
    print_report("http", {}, CASES, ROUNDS, rate="requests_per_s", as_json=True, conditions=CONDITIONS)
    printed = json.loads(capsys.readouterr().out)
    assert printed["conditions"]["cores"] == 2
    slow, quick = printed["cases"]
    assert (slow["ratio"], quick["ratio"]) == (1.0, 5.0)
    assert quick["case"] == {"client": "pool", "tasks": 100, "tls": False}
    assert quick["medians"]["requests_per_s"] == 1000.0
    assert len(quick["rounds"]) == 3


def test_a_table_shows_a_line_for_each_case_and_the_conditions(capsys: pytest.CaptureFixture[str]) -> None:
    print_report("http", {}, CASES, ROUNDS, rate="requests_per_s", as_json=False, conditions=CONDITIONS)
    first, heading, *lines = capsys.readouterr().out.splitlines()
    assert "2 cores" in first
    assert heading.split("  ")[0] == "client"
    assert lines[0].split() == [
        "httpx",
        "100",
        "False",
        "200.0",
        "100.0",
        "30.0",
        "50.0",
        *["1.0", "/", "2.0", "/", "3.0"],
        "1.0",
    ]
    assert lines[1].split()[-1] == "5.0"
