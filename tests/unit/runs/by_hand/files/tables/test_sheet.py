"""Excel files: which sheet is read, what becomes of cells, and what is said of those that cannot be used."""

from __future__ import annotations

from datetime import date, datetime, time
from pathlib import Path
from typing import Any

import pytest
from openpyxl import Workbook

from sender.runs.by_hand.errors import BadFile
from sender.runs.by_hand.files.recipient import Recipient
from sender.runs.by_hand.files.recipients_file import open_recipients
from sender.runs.by_hand.files.tables import sheet as sheet_module
from tests.unit.runs.by_hand.files.tables.sheets import save_as_it_stands, save_sheet

ID = "7000000000000001"


def read(file: Path) -> tuple[list[Recipient | str], str]:
    with open_recipients(file) as recipients:
        found = [one if isinstance(one, Recipient) else str(one) for one in recipients]
        return found, recipients.how()


def test_the_first_sheet_with_something_in_it_is_read_and_the_others_are_named(tmp_path: Path) -> None:
    rows: list[list[object]] = [[], ["Recipient ID", "first_name", None], [ID, "Ann"], [], [7001, "Bob", ""]]
    found, how = read(save_sheet(tmp_path / "people.xlsx", [], rows, [], [["x"]]))
    assert found == [Recipient(ID, {"first_name": "Ann"}), Recipient("7001", {"first_name": "Bob"})]
    assert how == "people.xlsx: Excel, sheet '2' (not read: '4'); columns recipient_id and variables first_name"


def test_a_hidden_sheet_does_not_count(tmp_path: Path) -> None:
    book = Workbook()
    book["Sheet"].append(["old"])
    book["Sheet"].sheet_state = "hidden"
    book.create_sheet("People").append(["recipient_id"])
    book.save(tmp_path / "people.xlsx")
    assert "sheet 'People'; columns recipient_id" in read(tmp_path / "people.xlsx")[1]


def test_a_sheet_is_known_by_what_it_holds(tmp_path: Path) -> None:
    found, _ = read(save_sheet(tmp_path / "people.csv", [["recipient_id"], ["1"]]))
    assert found == [Recipient("1")]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (12, "12"),
        (12.0, "12"),
        (1999.9, "1999.9"),
        (0.1 + 0.2, "0.3"),
        (-0.5, "-0.5"),
        (1e-7, "0.0000001"),
        (999999999999999, "999999999999999"),
        (True, "TRUE"),
        (False, "FALSE"),
        ("  Ann\nLee ", "  Ann\nLee "),
        ("_x000D_a", "\ra"),
        (date(2026, 11, 22), "2026-11-22"),
        (datetime(2026, 11, 22, 9, 30), "2026-11-22 09:30:00"),
        (time(9, 30), "09:30:00"),
        ("\U0001f468\u200d\U0001f469", "\U0001f468\u200d\U0001f469"),
    ],
)
def test_cells_are_written_as_they_are_seen(tmp_path: Path, value: Any, text: str) -> None:
    found, _ = read(save_sheet(tmp_path / "people.xlsx", [["recipient_id", "a"], [1, value]]))
    assert found == [Recipient("1", {"a": text})]


@pytest.mark.parametrize(
    ("row", "problem"),
    [
        ([7000000000000001], "line 2: column A holds a number of over 15 digits, which Excel has rounded: format the"),
        ([7.0e15], "line 2: column A holds a number of over 15 digits"),
        ([1, None, 1e15], "line 2: column C holds a number of over 15 digits"),
        ([1, None, "#N/A"], "line 2: column C holds an error (#N/A): mend its formula"),
        ([1, None, "=A1"], "line 2: column C holds an error (a formula that was never calculated)"),
        ([1, datetime(2026, 11, 22, 9, 30)], "line 2: last_interaction_at has no time zone: write for example 2026-"),
        ([1, 46348.4], "line 2: last_interaction_at '46348.4' is not a moment"),
        ([1, None, None, "x"], "line 2: column 4 has a value here, but no name in the heading"),
        (["'7.0E+15"], "line 2: recipient_id looks like 7.0E+15"),
        ([12.5], "line 2: recipient_id has a decimal point"),
        ([None, None, "x"], "line 2: recipient_id is empty"),
    ],
)
def test_what_cannot_be_used_is_named_with_its_row(tmp_path: Path, row: list[object], problem: str) -> None:
    heading = ["recipient_id", "last_interaction_at", "a"]
    found, _ = read(save_sheet(tmp_path / "people.xlsx", [heading, row, ["2"]]))
    assert str(found[0]).startswith(problem)
    assert found[1:] == [Recipient("2")]


def cell(text: str, place: str = "") -> str:
    where = f' r="{place}"' if place else ""
    return f'<c t="str"{where}><v>{text}</v></c>'


def test_rows_and_cells_are_found_whatever_numbers_they_have(tmp_path: Path) -> None:
    rows = (
        f'<row r="1">{cell("recipient_id")}{cell("a")}</row><row>{cell("1")}</row><row r="2">{cell("2")}</row>'
        f'<row r="99999999999">{cell("x", "B99999999999")}{cell("3", "A99999999999")}</row>'
    )
    found, _ = read(save_as_it_stands(tmp_path / "people.xlsx", rows))
    assert found == [Recipient("1"), Recipient("2"), Recipient("3", {"a": "x"})]


def test_xml_that_swells_and_files_that_do_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    swelling = '<!DOCTYPE a [<!ENTITY b "xxxx"><!ENTITY c "&b;&b;">]>'
    file = save_as_it_stands(tmp_path / "people.xlsx", f"<row>{cell('&c;')}</row>", swelling)
    with pytest.raises(BadFile, match="cannot be read as an Excel file"):
        read(file)
    monkeypatch.setattr(sheet_module, "MOST_BYTES", 1000)
    with pytest.raises(BadFile, match="bytes when unpacked: save it as CSV UTF-8"):
        read(save_sheet(tmp_path / "large.xlsx", [["x"]]))


def test_a_file_with_nothing_in_it_is_no_table(tmp_path: Path) -> None:
    found, how = read(save_sheet(tmp_path / "people.xlsx", []))
    assert str(found[0]).startswith("line 1: the first line must name the columns")
    assert how == "people.xlsx: Excel, without a sheet that has something in it"
