"""Columns for people."""

from __future__ import annotations

import pytest

from ops.commands.output import print_table, printable


def test_a_pipe_gets_whole_words_and_dashes_for_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    print_table(["RUN", "WHY"], [("r" * 100, "x " * 200), ("[b]", None)])
    heading, first, second = capsys.readouterr().out.splitlines()
    assert heading.split() == ["RUN", "WHY"]
    assert first.split()[0] == "r" * 100
    assert first.count("x") == 200
    assert second.split() == ["[b]", "-"]


def test_a_text_cannot_command_the_terminal() -> None:
    assert printable("a\x1b[2Jb\rc é") == "a�[2Jb�c é"
