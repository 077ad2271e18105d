"""A second try for tests that failed beside others, each alone: `pytest -p tests.second_try`, as CI runs it.

Who is green then was flaky, and is named. More than a few failures, a second one, or tests that could not be collected
stay red.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path

import pytest

MOST = 3
"""Failures that can come of a busy machine; more of them come of the code."""


def verdict(failed: Collection[str], green_alone: Mapping[str, bool]) -> tuple[bool, list[str]]:
    """Return whether all is well after the second tries (none when too many failed), and what to say of it."""
    if len(failed) > MOST:
        return False, [f"no second try: {len(failed)} tests failed, more than {MOST}"]
    words = {True: "flaky", False: "failed twice"}
    return all(green_alone[test] for test in failed), [f"{words[green_alone[test]]}: {test}" for test in failed]


def passes_alone(test: str, root: Path) -> tuple[bool, str]:
    """Run one test in a process of its own, with nothing beside it; return whether it passed, and the output."""
    command = [sys.executable, "-m", "pytest", "--color=no", "-p", "no:tests.second_try", test]
    environment = {name: value for name, value in os.environ.items() if name != "PYTEST_ADDOPTS"}
    ended = subprocess.run(
        command,
        cwd=root,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        check=False,
    )
    passed = ended.returncode == 0 and re.search(r"\b1 passed", ended.stdout)  # and not: skipped
    return bool(passed), ended.stdout


class SecondTry:
    """Collects what failed, and tries it again before pytest sums up."""

    def __init__(self, terminal: pytest.TerminalReporter) -> None:
        self._terminal = terminal
        self._failed: dict[str, None] = {}
        self._uncollected = False
        self._seen: set[str] = set()
        self._lines: list[str] = []

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Note a failure, be it of a test, its setup or teardown, or of the process that it was run in."""
        self._seen.add(report.nodeid)
        if report.failed:
            self._failed[report.nodeid] = None

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Note that there are tests that were never run."""
        self._uncollected |= report.failed

    @pytest.hookimpl(trylast=True)  # when the workers are gone
    def pytest_sessionfinish(self, session: pytest.Session, exitstatus: int) -> None:
        """Try again, if all tests were run; the session ends well if all are green then."""
        if exitstatus != pytest.ExitCode.TESTS_FAILED or self._uncollected or session.shouldfail or not self._failed:
            return
        if len(self._seen) < session.testscollected:  # workers died, and took tests with them
            self._lines = [f"no second try: {session.testscollected - len(self._seen)} tests were not run"]
            return
        tried = self._failed if len(self._failed) <= MOST else ()
        green, self._lines = verdict(self._failed, {test: self._again(test, session.config.rootpath) for test in tried})
        if green:
            session.exitstatus = pytest.ExitCode.OK

    @pytest.hookimpl(wrapper=True, tryfirst=True)  # the last word before the closing line
    def pytest_terminal_summary(self) -> Iterator[None]:
        """Say which tests were flaky."""
        yield
        for line in self._lines:
            self._terminal.write_line(line)

    def _again(self, test: str, root: Path) -> bool:
        passed, output = passes_alone(test, root)
        if passed:
            self._count_as_flaky(test)
        else:
            self._terminal.write_sep("=", f"second try of {test}")
            self._terminal.write_line(output)
        return passed

    def _count_as_flaky(self, test: str) -> None:
        """Show how it failed, and let the closing line count it apart."""
        stats = self._terminal.stats
        for kind in {"failed", "error"} & stats.keys():
            reports = stats.pop(kind)
            if rest := [report for report in reports if report.nodeid != test]:
                stats[kind] = rest
            for report in reports:
                if report.nodeid == test:
                    stats.setdefault("flaky", []).append(report)
                    self._terminal.write_sep("=", f"first try of {test}")
                    self._terminal.write_line(report.longreprtext)


@pytest.hookimpl(trylast=True)  # when there is a terminal
def pytest_configure(config: pytest.Config) -> None:
    """Take part in the process that sums up, and not in its workers."""
    if not hasattr(config, "workerinput"):
        terminal: pytest.TerminalReporter = config.pluginmanager.getplugin("terminalreporter")
        config.pluginmanager.register(SecondTry(terminal))
