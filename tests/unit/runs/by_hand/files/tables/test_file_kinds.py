"""Files given by mistake: each is told what it is."""

from __future__ import annotations

import gzip
from io import BytesIO
from pathlib import Path
from zipfile import ZipFile

import pytest

from sender.runs.by_hand.errors import BadFile
from sender.runs.by_hand.files.recipients_file import open_recipients
from tests.unit.runs.by_hand.files.tables.sheets import save_sheet


def archive(part: str) -> bytes:
    packed = BytesIO()
    with ZipFile(packed, "w") as opened:
        opened.writestr(part, "x")
    return packed.getvalue()


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (b"\xd0\xcf\x11\xe0\xa1\xb1", "an old Excel file (.xls), or one with a password: save it as .xlsx or as CSV"),
        (archive("mimetype"), "an OpenDocument file such as .ods: save it as .xlsx or as CSV UTF-8"),
        (archive("Index/Document.iwa"), "a Numbers file or the like: save it as .xlsx or as CSV UTF-8"),
        (archive("xl/workbook.bin"), "a binary Excel file (.xlsb): save it as .xlsx"),
        (archive("word/document.xml"), "a Word document"),
        (archive("people.csv"), "a ZIP archive: unpack it first"),
        (archive("people.csv")[:30], "a broken ZIP or .xlsx file"),
        (gzip.compress(b"recipient_id\n1\n"), "compressed (gzip): unpack it first"),
        (b"%PDF-1.7\n", "a PDF: export the table itself"),
        (b"\x89PNG\r\n\x1a\n", "an image (PNG)"),
        (b"\xff\xd8\xff\xe0", "an image (JPEG)"),
        (b"{\\rtf1 x}", "a formatted text (RTF)"),
        (b"\xef\xbb\xbf \n<HTML><table>", "a web page or XML"),
        (
            "recipient_id\n1\n".encode("utf-16-le"),
            "no text, or UTF-16 without the mark at its beginning: save it as UTF-8",
        ),
        ("recipient_id\n1\n".encode("utf-32"), "UTF-32: save it as UTF-8"),
    ],
    ids=lambda value: value if isinstance(value, str) else "file",
)
def test_what_is_no_table_is_named(tmp_path: Path, content: bytes, what: str) -> None:
    file = tmp_path / "people.csv"
    file.write_bytes(content)
    with pytest.raises(BadFile) as caught, open_recipients(file):
        pass
    assert f"people.csv is {what}" in str(caught.value)


@pytest.mark.parametrize("place", range(0, 5000, 370))
def test_a_damaged_sheet_is_said_to_be_one(tmp_path: Path, place: int) -> None:
    file = save_sheet(tmp_path / "people.xlsx", [["recipient_id", "a"], ["1", "x"]])
    content = bytearray(file.read_bytes())
    content[place : place + 40] = b"\0" * 40
    file.write_bytes(content)
    try:
        with open_recipients(file) as recipients:
            list(recipients)
    except BadFile as exc:
        assert "people.xlsx" in str(exc)  # noqa: PT017 (a part that nobody reads may be damaged)
