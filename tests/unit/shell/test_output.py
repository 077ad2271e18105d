"""Columns for people."""

from __future__ import annotations

import pytest

from ops.shell.output import print_table, printable


def test_a_pipe_gets_whole_words_and_dashes_for_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    print_table(["RUN", "WHY"], [("r" * 100, "x " * 200), ("[b]", None)])
    heading, first, second = capsys.readouterr().out.splitlines()
    assert heading.split() == ["RUN", "WHY"]
    assert first.split()[0] == "r" * 100
    assert first.count("x") == 200
    assert second.split() == ["[b]", "-"]


def test_nobody_is_told_when_the_output_was_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdout", None)
    print_table(["RUN"], [("r",)])


def test_a_heading_cannot_command_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    print_table(["RUN", "a\x1b[2J"], [])
    assert "\x1b" not in capsys.readouterr().out


def test_a_text_cannot_command_the_terminal() -> None:
    assert printable("a\x1b[2Jb\rc é") == "a�[2Jb�c é"


def test_a_long_table_is_aligned_for_wide_characters_too(capsys: pytest.CaptureFixture[str]) -> None:
    print_table(["PAGE", "NAME", "N"], [("1", "名前", 5), ("22", None, 1000), ("3", "a\u202eb\n", None)])
    assert capsys.readouterr().out.splitlines() == [
        "PAGE  NAME  N   ",
        "1     名前  5   ",
        "22    -     1000",
        "3     a\ufffdb\ufffd  -   ",
    ]
