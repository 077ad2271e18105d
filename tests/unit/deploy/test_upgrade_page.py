"""Each migration says whether programs may run that lack it, in its file from 0016 on, and on the page of upgrades."""

from __future__ import annotations

import re

import pytest

from schema.migrate import Migration, shipped
from tests.unit.deploy.files import ROOT

SHIPPED = shipped()
FIRST_THAT_SAYS = "0016"
MAY_NOT = re.compile(r"-- older programs may not run: \S.*")


def test_a_new_migration_says_in_its_first_line_whether_older_programs_may_run() -> None:
    silent = [m.name for m in SHIPPED if m.name >= FIRST_THAT_SAYS and not says(m)]
    assert silent == [], (
        "begin the file with `-- older programs may run`, if it only adds what they do not see, else with "
        "`-- older programs may not run: ` and why; docs/upgrade.md has a table of them"
    )


@pytest.mark.parametrize(
    ("first_line", "wanted"),
    [
        ("-- older programs may run", True),
        ("-- older programs may not run: their ingest keeps no figures", True),
        ("-- older programs may not run", False),
        ("-- older programs may not run: ", False),
        ("-- What this is for.", False),
        ("CREATE TABLE a (b int);", False),
    ],
)
def test_a_statement_is_one_of_two(first_line: str, wanted: bool) -> None:
    assert says(Migration("0016_new.sql", f"{first_line}\nSELECT 1;")) == wanted


def test_the_page_of_upgrades_says_of_each_migration_what_the_program_goes_by() -> None:
    page = (ROOT / "docs" / "upgrade.md").read_text("utf-8")
    rows = re.findall(r"^\| `(\d{4}_\w+)` \| (yes|no) \| \S", page, re.MULTILINE)
    assert rows == [(m.name.removesuffix(".sql"), "yes" if m.older_may_run else "no") for m in SHIPPED]


def says(migration: Migration) -> bool:
    return migration.older_may_run or bool(MAY_NOT.fullmatch(migration.sql.partition("\n")[0]))
