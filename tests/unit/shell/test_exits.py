"""From errors to lines and exit codes."""

from __future__ import annotations

import pytest

from ops.fakegraph.options import FakeGraphUsageError
from ops.shell.exits import CommandFailed, leaves
from ops.shell.said import explain, report
from schema.migrate import MigrationsPending
from schema.runtime.settings import SettingsError


def test_settings_errors_end_with_2_others_and_mixtures_with_1() -> None:
    settings, failed = SettingsError(["A is not set", "B is not set"]), CommandFailed("no such run")
    assert report(settings) == 2
    assert report(FakeGraphUsageError("x")) == 2
    assert report(failed) == 1
    assert report(ExceptionGroup("", [ExceptionGroup("", [settings])])) == 2
    assert report(ExceptionGroup("", [settings, failed])) == 1


def test_each_problem_is_one_line_and_none_is_told_twice(capsys: pytest.CaptureFixture[str]) -> None:
    group = ExceptionGroup("", [SettingsError(["A is not set", "B is not set"]), SettingsError(["A is not set"])])
    report(group)
    assert capsys.readouterr() == ("", "newar: A is not set\nnewar: B is not set\n")


def test_leaves_are_found_at_any_depth() -> None:
    one, two = ValueError("1"), ValueError("2")
    assert leaves(ExceptionGroup("", [ExceptionGroup("", [one]), two])) == [one, two]
    assert leaves(one) == [one]


def test_our_own_errors_speak_for_themselves_and_others_are_named() -> None:
    assert explain(MigrationsPending(["0009_x.sql"])) == ["the log database lacks 0009_x.sql; run `newar migrate`"]
    assert explain(KeyError("x")) == ["KeyError: 'x'"]


def test_what_looks_like_a_credential_is_not_shown() -> None:
    assert explain(CommandFailed("at redis://:hidden@host/0")) == ["at redis://:***@host/0"]
    assert explain(OSError("access_token=hidden")) == ["OSError: access_token=***"]
