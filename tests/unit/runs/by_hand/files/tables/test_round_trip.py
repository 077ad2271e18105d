"""What is written into a file is what is read from it, in each form; and whatever a file holds, errors are ours."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sender.message.recipient_ids import bare, visible
from sender.message.variables import normal_name
from sender.runs.by_hand.errors import BadFile
from sender.runs.by_hand.files.recipient import OWN_COLUMNS, Recipient
from sender.runs.by_hand.files.recipients_file import open_recipients
from sender.runs.by_hand.files.tables.bad_line import BadLine
from tests.unit.runs.by_hand.files.tables.sheets import save_sheet

_TEXT = st.text(st.characters(exclude_categories=["Cs", "Cc"]) | st.sampled_from(",;\t|\"'\n\r"), max_size=12)
_FOLDED = {name.replace("_", "") for name in OWN_COLUMNS}


def _is_name(name: str) -> bool:
    folded = "".join(c for c in visible(name) if c not in " _-\t\r\n").casefold()
    return bare(name) == name != "" and folded not in _FOLDED and name[0] not in "[{"  # so that no file looks like JSON


NAMES = st.lists(_TEXT.filter(_is_name), unique_by=normal_name, max_size=4)
IDS = st.integers(1, 2**63).map(str).filter(lambda text: len(text) < 16)  # so that no file looks rounded


@st.composite
def tables(draw: st.DrawFn) -> tuple[list[str], list[list[str]]]:
    names = draw(NAMES)
    cells = st.lists(_TEXT, min_size=len(names), max_size=len(names))
    rows = draw(st.lists(st.tuples(IDS, cells), min_size=1, max_size=5))
    at = draw(st.integers(0, len(names)))
    heading = [*names[:at], "recipient_id", *names[at:]]
    return heading, [[*values[:at], who, *values[at:]] for who, values in rows]


def wanted(heading: list[str], rows: list[list[str]]) -> list[Recipient]:
    found = [dict(zip(heading, row, strict=True)) for row in rows]
    return [
        Recipient(row.pop("recipient_id"), {name: text for name, text in row.items() if text.strip()} or None)
        for row in found
    ]


def read(file: Path) -> list[Recipient | BadLine]:
    with open_recipients(file) as recipients:
        return list(recipients)


@given(
    table=tables(),
    delimiter=st.sampled_from(",;\t|"),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]),
    # Python's writer before 3.13 quotes a lone carriage return only when line ends have one
    form=st.sampled_from([(csv.QUOTE_ALL, "\n"), (csv.QUOTE_ALL, "\r\n"), (csv.QUOTE_MINIMAL, "\r\n")]),
)
def test_a_table_in_text(
    table: tuple[list[str], list[list[str]]], delimiter: str, encoding: str, form: tuple[Any, str]
) -> None:
    (heading, rows), (quoting, ends) = table, form
    text = io.StringIO(newline="")
    csv.writer(text, delimiter=delimiter, quoting=quoting, lineterminator=ends).writerows([heading, *rows])
    with TemporaryDirectory() as folder:
        file = Path(folder) / "people"
        file.write_bytes(text.getvalue().encode(encoding))
        assert read(file) == wanted(heading, rows)


@settings(max_examples=25)
@given(tables())
def test_a_table_in_a_sheet(table: tuple[list[str], list[list[str]]]) -> None:
    def without_breaks(cells: list[str]) -> list[str]:  # which XML itself changes
        return [cell.replace("\r", "").replace("_x", "") for cell in cells]

    heading, rows = table
    if any(cell.startswith(("=", "#")) for cell in (*heading, *(c for row in rows for c in row))):
        return  # the library would write a formula or an error
    heading, rows = without_breaks(heading), [without_breaks(row) for row in rows]
    if not all(map(_is_name, set(heading) - {"recipient_id"})) or len({*map(normal_name, heading)}) < len(heading):
        return
    with TemporaryDirectory() as folder:
        assert read(save_sheet(Path(folder) / "people.xlsx", [heading, *rows])) == wanted(heading, rows)


@given(st.lists(st.tuples(IDS, st.dictionaries(_TEXT, _TEXT, max_size=3)), min_size=1), st.sampled_from([None, 0, 2]))
def test_a_list_in_json(people: list[tuple[str, dict[str, str]]], indent: int | None) -> None:
    listed = [{"recipient_id": who, "variables": variables} for who, variables in people]
    text = json.dumps(listed, indent=indent, ensure_ascii=indent == 0)
    with open_recipients(io.StringIO(text, newline="")) as recipients:
        assert list(recipients) == [Recipient(who, variables or None) for who, variables in people]


@pytest.mark.parametrize(
    "begin", [b"", b"recipient_id,a\n", b'{"recipient_id": "1"}\n', b"[{", b"\xff\xfe", b"sep=;\n"]
)
@settings(max_examples=40)
@given(content=st.binary(max_size=300))
def test_whatever_a_file_holds_the_errors_are_ours(begin: bytes, content: bytes) -> None:
    with TemporaryDirectory() as folder:
        file = Path(folder) / "people"
        file.write_bytes(begin + content)
        try:
            found = read(file)
        except BadFile:
            return
    assert all(isinstance(one, Recipient | BadLine) for one in found)
