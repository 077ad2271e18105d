"""Files of people for the deny list: what is read of them, and what is said of lines that cannot be used."""

from __future__ import annotations

import pytest

from sender.runs.by_hand.deny_file import LONGEST_NOTE, Denial, read_denials
from sender.runs.by_hand.recipients_file import BadLine


def read(text: str, page_id: str | None = "7") -> list[Denial | str]:
    found = read_denials(text.splitlines(keepends=True), page_id)
    return [str(one) if isinstance(one, BadLine) else one for one in found]


def test_lines_name_a_person_and_may_name_a_page_and_a_note() -> None:
    assert read("recipient_id\n1\n\n 2 \n") == [Denial("7", "1"), Denial("7", "2")]
    assert read("note,page_id,recipient_id\nasked us,8,1\n,,2\n") == [Denial("8", "1", "asked us"), Denial("7", "2")]


def test_a_file_of_export_can_be_read_but_for_what_nobody_denied() -> None:
    head = "page_id,recipient_id,reason,since,run_id,by_whom,note,confirmed\n"
    assert read(f"{head}8,1,denied,2026-01-01Z,,ann,x,true\n8,2,recipient_gone,,r,ingest,,true\n", None) == [
        Denial("8", "1", "x"),
        "line 3: reason 'recipient_gone' cannot be imported, only denied: leave the line out",
    ]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "the first line must name the columns: recipient_id, then page_id and note (both optional)"),
        ("123\n", "the first line must name the columns: recipient_id, then page_id and note (both optional)"),
        ("recipient_id,name\n", "column 'name' is unknown: leave it out, or call it note"),
        ("recipient_id,recipient_id\n", "a column stands there twice"),
        ('"recipient_id\n', "unexpected end of data; the lines after it were not read"),
    ],
)
def test_a_heading_that_cannot_be_used_is_refused(text: str, problem: str) -> None:
    assert read(text) == [f"line 1: {problem}"]


def test_the_page_must_be_named_somewhere() -> None:
    assert read("recipient_id\n1\n", None) == [
        "line 1: the column page_id is missing: add it, or name the page of all with --page"
    ]
    [problem] = read("recipient_id,page_id\n1,\n", None)
    assert str(problem).startswith("line 2: page_id '' is not a page's number")


def test_every_line_at_fault_is_named_with_all_that_is_wrong() -> None:
    found = read(f"recipient_id,note\n1,ok\nann,{'x' * (LONGEST_NOTE + 1)}\n2\n3,\udcff\n")
    assert found == [
        Denial("7", "1", "ok"),
        "line 3: recipient_id 'ann' is not a person's id (PSID): write digits only; "
        "the note has 501 characters: write 500 at most",
        "line 4: 1 columns instead of 2",
        "line 5: the note is not UTF-8, or holds a NUL character",
    ]
