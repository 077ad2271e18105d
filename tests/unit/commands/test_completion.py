"""Shells complete `newar`: bash really does, for zsh and fish what they ask is answered."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.unit.command_line import CommandLine

PROJECT = Path(__file__).parents[3]


def test_bash_completes_once_it_was_installed(tmp_path: Path) -> None:
    bash = shutil.which("bash")
    assert bash is not None
    newar = tmp_path / "bin" / "newar"
    newar.parent.mkdir()
    newar.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m ops "$@"\n')
    newar.chmod(0o755)
    environment = {"HOME": str(tmp_path), "PYTHONPATH": str(PROJECT), "PATH": f"{newar.parent}:{os.environ['PATH']}"}

    def run(script: str) -> str:
        command = [bash, "--norc", "-c", script]
        ended = subprocess.run(command, env=environment, cwd=tmp_path, capture_output=True, text=True, check=True)
        return ended.stdout

    run("newar --install-completion; exit $?")  # not its last command: bash would become it, and not be its parent
    asked = "COMP_WORDS=(newar run s) COMP_CWORD=2; $(complete -p newar | sed 's/.*-F //; s/ .*//') newar"
    assert run(f'source ~/.bashrc; {asked}; echo "${{COMPREPLY[*]}}"') == "submit show\n"


@pytest.mark.parametrize(
    ("instruction", "completed"),
    [
        ("complete_zsh", '"submit":"Submit a run'),
        ("complete_fish", "submit\tSubmit a run"),
        ("source_zsh", "#compdef newar"),
        ("source_fish", "complete --command newar "),
    ],
)
def test_zsh_and_fish_get_what_they_ask_for(newar: CommandLine, instruction: str, completed: str) -> None:
    newar.set(_NEWAR_COMPLETE=instruction)
    newar.set(_TYPER_COMPLETE_ARGS="newar run s", _TYPER_COMPLETE_FISH_ACTION="get-args")
    result = newar()
    assert result.exit_code == 0
    assert completed in result.stdout
