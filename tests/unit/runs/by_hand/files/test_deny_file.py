"""Files of people for the deny list: what is read of them, and what is said of lines that cannot be used."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from sender.runs.by_hand.files.deny_file import LONGEST_NOTE, Denial, read_denials
from sender.runs.by_hand.files.tables.bad_line import BadLine
from tests.unit.runs.by_hand.files.tables.sheets import save_sheet

Read = Callable[..., list[Denial | str]]
_OPEN_QUOTES = (
    "line 1: unexpected end of data; the lines after it were not read. A cell with a quotation mark stands between "
    "quotation marks, and those within it are doubled"
)


@pytest.fixture
def read(tmp_path: Path) -> Read:
    def read(text: str, page_id: str | None = "7", encoding: str = "utf-8") -> list[Denial | str]:
        file = tmp_path / "people.csv"
        file.write_bytes(text.encode(encoding, "surrogateescape"))
        found = read_denials(file, page_id)
        return [str(one) if isinstance(one, BadLine) else one for one in found]

    return read


def test_lines_name_a_person_and_may_name_a_page_and_a_note(read: Read) -> None:
    assert read("recipient_id\n1\n\n 2 \n") == [Denial("7", "1"), Denial("7", "2")]
    assert read("note,page_id,recipient_id\nasked us,8,1\n,,2\n") == [Denial("8", "1", "asked us"), Denial("7", "2")]


def test_a_file_of_export_can_be_read_but_for_what_nobody_denied(read: Read) -> None:
    head = "page_id,recipient_id,reason,since,run_id,by_whom,note,confirmed\n"
    assert read(f"{head}8,1,denied,2026-01-01Z,,ann,x,true\n8,2,recipient_gone,,r,ingest,,true\n", None) == [
        Denial("8", "1", "x"),
        "line 3: reason 'recipient_gone' cannot be imported, only denied: leave the line out",
    ]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "line 1: the first line must name the columns, recipient_id, then page_id and note (both optional)"),
        (
            "123\n",
            "line 1: the first line must name the columns, recipient_id, then page_id and note (both optional), "
            "but it has '123'",
        ),
        (
            "psid\n",
            "line 1: no column is called recipient_id: if 'psid' holds the ids (PSIDs), rename it to recipient_id",
        ),
        ("recipient_id,name\n", "column 'name' is unknown: leave it out, or call it note"),
        ("recipient_id,recipient_id\n", "line 1: column 'recipient_id' stands there twice"),
        ('"recipient_id\n', _OPEN_QUOTES),
    ],
)
def test_a_heading_that_cannot_be_used_is_refused(read: Read, text: str, problem: str) -> None:
    assert read(text) == [problem]


def test_the_page_must_be_named_somewhere(read: Read) -> None:
    assert read("recipient_id\n1\n", None) == [
        "the column page_id is missing: add it, or name the page of all with --page"
    ]
    [problem] = read("recipient_id,page_id\n1,\n", None)
    assert str(problem).startswith("line 2: page_id '' is not a page's number")


def test_every_line_at_fault_is_named_with_all_that_is_wrong(read: Read) -> None:
    found = read(f"recipient_id,note\n1,ok\nann,{'x' * (LONGEST_NOTE + 1)}\n2\n3,\udcff\n")
    assert found == [
        Denial("7", "1", "ok"),
        "line 3: recipient_id 'ann' is not a person's id (PSID): write digits only; "
        "the note has 501 characters: write 500 at most",
        Denial("7", "2"),
        "line 5: the note is not UTF-8, or holds a NUL character",
    ]


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_a_file_is_taken_as_people_have_it(read: Read, encoding: str) -> None:
    text = "Recipient ID;Page ID;Note;\r\n'1;8;asked us;\r\n;;;\r\n\u200b2;;\r\n"
    assert read(text, "7", encoding) == [Denial("8", "1", "asked us"), Denial("7", "2")]


def test_a_sheet_is_taken_too(tmp_path: Path) -> None:
    file = save_sheet(tmp_path / "people.xlsx", [["recipient_id", "note"], ["7000000000000001", "asked us"], [7]])
    assert list(read_denials(file, "7")) == [Denial("7", "7000000000000001", "asked us"), Denial("7", "7")]


def test_ids_that_a_spreadsheet_has_rounded_are_refused_together(read: Read) -> None:
    *_, last = read("recipient_id\n7000000000000000\n7000000000000010\n70000000000000200\n")
    assert str(last).startswith("all ids of more than 15 digits end in zeros")
