"""A `$` in an `.env` file: where Compose reads something else. What it reads was seen from compose-go v2.16."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ops.settings.dollar_signs import read_differently
from tests.unit.command_line import CommandLine


@pytest.mark.parametrize(
    ("value", "differs"),
    [
        ("a$bc", True),  # Compose: a
        ('"a$bc"', True),  # a
        ("'a$bc'", False),
        ("a$$bc", True),  # a$bc
        ('"a\\$bc"', True),  # a$bc
        ("${X}", False),
        ('"a${X:-b}c"', False),
        ("'a${X}c'", True),  # a${X}c, and here the value of X
        ("${X:+r}", True),  # r
        ("${X", True),  # no file at all
        ("a$1b", False),
        ("a$", False),
        ("a$-b", False),
        ("postgresql://me:p%24w@host/db", False),
        ("a # costs $b", False),
    ],
)
def test_values_that_compose_reads_differently_are_found(value: str, differs: bool) -> None:
    assert read_differently(f"export NAME={value}\n# OTHER=$b\nMORE=1\n") == (["NAME"] if differs else [])


@given(st.text())
def test_no_file_is_an_error(text: str) -> None:
    read_differently(text)


def test_the_doctor_names_them_and_no_value(newar: CommandLine) -> None:
    newar.file(".env", "POSTGRES_PASSWORD=secret$one\nADMIN_TOKEN='secret$two'\n")
    lines = [line for line in newar("doctor").stdout.splitlines() if "Compose" in line and "$" in line]
    assert [line.split()[:2] for line in lines] == [["warn", "settings"]]
    assert "POSTGRES_PASSWORD: " in lines[0]
    assert "ADMIN_TOKEN" not in lines[0]
    assert "secret" not in lines[0]
