"""Files of recipients."""

from __future__ import annotations

import io
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from sender.runs.by_hand.files.recipient import Recipient
from sender.runs.by_hand.files.recipients_file import open_recipients
from sender.runs.by_hand.files.tables.bad_line import BadLine


def read(text: str) -> list[Recipient | BadLine]:
    with open_recipients(io.StringIO(text, newline="")) as recipients:
        return list(recipients)


def how(text: str) -> str:
    with open_recipients(io.StringIO(text, newline="")) as recipients:
        list(recipients)
        return recipients.how()


def problem(text: str) -> str:
    [found] = [str(line) for line in read(text) if isinstance(line, BadLine)]
    return found


def test_csv_columns_beside_its_own_are_variables() -> None:
    text = 'recipient_id,first_name,last_interaction_at\r\n1,"Ann, B.",2026-11-22T09:30:00Z\r\n2,,\r\n'
    assert read(text) == [
        Recipient("1", {"first_name": "Ann, B."}, datetime(2026, 11, 22, 9, 30, tzinfo=UTC)),
        Recipient("2"),
    ]


def test_time_zone_is_the_recipients_own_and_no_variable() -> None:
    assert read("recipient_id,time_zone,name\n1, Asia/Tokyo ,Ann\n2,,\n") == [
        Recipient("1", {"name": "Ann"}, None, "Asia/Tokyo"),
        Recipient("2"),
    ]
    assert read('{"recipient_id": "1", "time_zone": "Asia/Tokyo"}\n') == [Recipient("1", time_zone="Asia/Tokyo")]


def test_ndjson_is_known_by_its_first_character() -> None:
    text = '{"recipient_id": "1", "variables": {"n": 1}}\n\n{"recipient_id": "2"}\n'
    assert read(text) == [Recipient("1", {"n": 1}), Recipient("2")]


def test_ndjson_keeps_the_written_form_of_numbers_and_refuses_what_is_none() -> None:
    good = '{"recipient_id": "1", "variables": {"sum": 1999.90}}'
    bad = '{"recipient_id": "2", "variables": {"sum": 1e999}}'
    first, second = read(f"{good}\n{bad}\n")
    assert first == Recipient("1", {"sum": "1999.90"})
    assert isinstance(second, BadLine)
    assert "a number beyond all bounds" in second.reason


class MadeWhileRead(io.TextIOBase):
    """A file whose lines are made while it is read."""

    def __init__(self, lines: Iterator[str]) -> None:
        self._lines = lines

    def readline(self, size: int = -1, /) -> str:  # type: ignore[override]
        return next(self._lines, "")


def test_lines_are_read_one_at_a_time() -> None:
    def endless() -> Iterator[str]:
        yield "recipient_id\n"
        for number in range(1, 1_000_000):
            assert number < 6, "read ahead"
            yield f"{number}\n"

    with open_recipients(MadeWhileRead(endless())) as found:  # type: ignore[arg-type]
        each = iter(found)
        assert [next(each) for _ in range(4)] == [Recipient(str(n)) for n in range(1, 5)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("psid,name\n1,a\n", "line 1: no column is called recipient_id: if 'psid' holds the ids (PSIDs), rename it"),
        ("User ID;name\n1;a\n", "if 'User ID' holds the ids (PSIDs), rename it to recipient_id"),
        ("person,name\n1,a\n", "line 1: the first line must name the columns, recipient_id, last_interaction_at and"),
        ("person,name\n1,a\n", "then variables, but it has 'person', 'name'"),
        ("", "line 1: the first line must name the columns"),
        ("\n\n,,\n", "line 1: the first line must name the columns"),
        ("recipient_id,a,a\n1,2,3\n", "line 1: column 'a' stands there twice"),
        ("recipient_id,\n1,2\n", "line 2: column 2 has a value here, but no name in the heading"),
        ("recipient_id,,a\n1,2,3\n", "line 2: column 2 has a value here, but no name"),
        ("recipient_id\n1,2\n", "line 2: column 2 has a value here, but no name in the heading"),
        ("recipient_id,a\n1,2\n3", "line 3: the file ends in the midst of this line"),
        ("recipient_id,na me,na  me\n1,2,3\n", "line 1: column 'na  me' stands there twice"),
        ("recipient_id,Recipient ID\n1,2\n", "line 1: column 'recipient_id' stands there twice"),
        ("recipient_id,\udcff\n1,2\n", "line 1: is not UTF-8"),
        ("recipient_id,a\n\n ,2\n", "line 3: recipient_id is empty"),
        ("recipient_id,last_interaction_at\n1,yesterday\n", "line 2: last_interaction_at 'yesterday' is not a moment"),
        ("recipient_id,last_interaction_at\n1,22.11.2026 09:30\n", "'22.11.2026 09:30' may be read in several ways"),
        ("recipient_id,last_interaction_at\n1,1795339800\n", "'1795339800' is a number of seconds since 1970: write"),
        ("recipient_id,last_interaction_at\n1,1795339800000\n", "is a number of milliseconds since 1970: write for"),
        ('{"recipient_id": "1", "last_interaction_at": 1795339800000}\n', "is a number of milliseconds since 1970"),
        ("recipient_id,last_interaction_at\n1,2026-11-22 09:30\n", "line 2: last_interaction_at has no time zone"),
        ("recipient_id,time_zone\n1,Mars/Base\n", "line 2: time_zone 'Mars/Base' is unknown: write for"),
        ('{"recipient_id": "1", "time_zone": "Tokyo"}\n', "line 1: time_zone 'Tokyo' is unknown"),
        ("recipient_id\n1\udcff\n", "line 2: is not UTF-8"),
        ('[{"recipient_id": "1"}\n', "line 2: from here on this is no list of objects"),
        ('[{"recipient_id": "1"}\n, {"recipient_id": ', "line 2: from here on this is no list of objects"),
        ('[{"recipient_id": "1"}]\n[]', "line 1: from here on this is no list of objects"),
        ('[["1"]]', "line 1: from here on this is no list of objects"),
        ("recipient_id,a\n1,\udcff\n", "line 2: is not UTF-8"),
        ("recipient_id,a\n1,x\0\n", "line 2: holds a NUL character"),
        ('recipient_id\n"1\n', "the lines after it were not read"),
        ("recipient_id,a\n1," + "x" * 200_000 + "\n", "field larger than field limit"),
        ('{"recipient_id": 7.0e15}\n', "line 1: recipient_id is a number with a point or an exponent"),
        ('{"recipient_id": "1", "name": "Ann"}\n', "line 1: Object contains unknown field `name`"),
        ('{"recipient_id": "1", "variables": []}\n', "line 1: Expected `object | null`, got `array`"),
        ('{"recipient_id": "1"\n', "line 1: Input data was truncated"),
        ('{"recipient_id": "1"}\n[]\n', "line 2: Expected `object`, got `array`"),
        ('{"recipient_id": ""}\n', "line 1: recipient_id is empty"),
        ('{"recipient_id": "1", "last_interaction_at": "2026-11-22T09:30:00"}\n', "line 1: last_interaction_at has no"),
        ('{"recipient_id": "1", "variables": {"a": "\\u0000"}}\n', "line 1: holds a NUL character"),
        ('{"recipient_id": "1", "variables": {"a": "\udcff"}}\n', "line 1: is not UTF-8"),
    ],
)
def test_unusable_line_is_named_with_what_is_wrong(text: str, expected: str) -> None:
    assert expected in problem(text)


@pytest.mark.parametrize("begin", ["recipient_id,a\n1,", '{"recipient_id": "1"}\n{"recipient_id": "', "recipient_id,"])
def test_a_line_without_end_is_not_read_to_it(begin: str) -> None:
    assert "has over 1,000,000 characters: write each recipient on a line of their own" in problem(begin + "x" * 10**7)


def test_bad_line_does_not_hide_the_next_ones() -> None:
    found = read("recipient_id,a\nx,\n2,x\ny,\n")
    assert [str(line).split(":")[0] for line in found if isinstance(line, BadLine)] == ["line 2", "line 4"]


RECIPIENT = Recipient("7000000000000001", {"first_name": "Ann"}, datetime(2026, 11, 22, 9, 30, tzinfo=UTC))
MOMENT = "2026-11-22T09:30:00Z"


@pytest.mark.parametrize(
    ("text", "form"),
    [
        (f"recipient_id;last_interaction_at;first_name\n7000000000000001;{MOMENT};Ann\n", "CSV with semicolons"),
        (f"recipient_id\tlast_interaction_at\tfirst_name\n7000000000000001\t{MOMENT}\tAnn\n", "CSV with tabs"),
        (f"recipient_id|last_interaction_at|first_name\n7000000000000001|{MOMENT}|Ann\n", "CSV with vertical bars"),
        (f"sep=;\r\nrecipient_id;last_interaction_at;first_name\r\n7000000000000001;{MOMENT};Ann\r\n", "semicolons"),
        (f'"sep=#"\nrecipient_id#last_interaction_at#first_name\n7000000000000001#{MOMENT}#Ann\n', "CSV with #"),
        (f"RECIPIENT_ID,LAST_INTERACTION_AT,first_name\n7000000000000001,{MOMENT},Ann\n", "CSV with commas"),
        (f"Recipient ID, Last Interaction At ,first_name\n7000000000000001,{MOMENT},Ann\n", "CSV with commas"),
        (f"\ufefffirst_name,recipient-id,lastInteractionAt\nAnn,7000000000000001,{MOMENT}\n", "CSV with commas"),
        (f"\n \nrecipient_id,first_name,last_interaction_at,\n7000000000000001,Ann,{MOMENT},\n,,,\n\n,,\n", "2 empty"),
        (f"recipient_id,first_name,last_interaction_at\n7000000000000001,Ann,{MOMENT},,,\n", "CSV with commas"),
        (f"recipient_id,last_interaction_at,first_name,a,b\n7000000000000001,{MOMENT},Ann\n", "1 row ended early"),
        (f'"recipient_id";"last_interaction_at";"first_name"\n"7000000000000001";"{MOMENT}";"Ann"\n', "semicolons"),
        (f"recipient_id,first_name,last_interaction_at\r7000000000000001,Ann,{MOMENT}\r", "CSV with commas"),
        ('{"recipient_id": 7000000000000001, "variables": {"first_name": "Ann"}, '
         f'"last_interaction_at": "{MOMENT}"}}\n', "NDJSON"),
        ('\n[{"recipient_id": "7000000000000001", "variables": {"first_name": "Ann"}, '
         f'"last_interaction_at": "{MOMENT}"}}]', "JSON, a list of objects"),
        ('[\n  {\n  "recipient_id": "7000000000000001", "variables": {"first_name": "Ann"},\n'
         f'"last_interaction_at": "{MOMENT}"\n  }}\n]\n', "JSON, a list of objects"),
    ],
)  # fmt: skip
def test_a_file_is_taken_as_people_have_it_and_it_is_said_how(text: str, form: str) -> None:
    assert read(text) == [RECIPIENT]
    assert form in how(text)


def test_how_a_file_was_taken_stands_in_one_line() -> None:
    text = "Recipient ID;time_zone;city;na me;;\n1;;a;b;;\n'2;;;;;\n;;;;;\n\u200b3;;;;;\n4\n"
    assert how(text) == (
        "the file: CSV with semicolons; columns recipient_id, time_zone and variables city, na me; "
        "2 empty columns and 1 empty row left out; 1 row ended early: the cells missing there count as empty; "
        "2 ids mended (invisible characters, quotes)"
    )
    assert how("recipient_id\n1\n") == "the file: CSV; columns recipient_id, no variables"
    many = ",".join(f"v{n}" for n in range(20))
    assert how(f"recipient_id,{many}\n").endswith("v10, v11 and 8 more")


def test_variables_are_named_before_anything_is_read() -> None:
    with open_recipients(io.StringIO("recipient_id,First Name, ชื่อ ,time_zone\n")) as recipients:
        assert recipients.variables == ["First Name", "ชื่อ"]
    with open_recipients(io.StringIO('{"recipient_id": "1"}\n')) as recipients:
        assert recipients.variables is None


def test_the_heading_alone_says_what_separates_columns() -> None:
    assert read("recipient_id;a,b\n1;2,3\n") == [Recipient("1", {"a,b": "2,3"})]
    assert read("a;b,recipient_id,c;d\n1;2,3,4\n") == [Recipient("3", {"a;b": "1;2", "c;d": "4"})]
    assert read('"a;b;c;d",recipient_id\nx,1\n') == [Recipient("1", {"a;b;c;d": "x"})]


def test_cells_stay_as_they_are_written() -> None:
    family = "\U0001f468\u200d\U0001f469\u200d\U0001f467"
    text = f'recipient_id;a;b;c\n1;"line 1\r\nline 2";{family};1,50\n2; x ;"a;""b""";  \n'
    assert read(text) == [
        Recipient("1", {"a": "line 1\r\nline 2", "b": family, "c": "1,50"}),
        Recipient("2", {"a": " x ", "b": 'a;"b"'}),
    ]


def test_a_row_is_named_by_the_line_on_which_it_begins() -> None:
    text = '\n"recipient\nid",a\n1,"x\ny"\n\nz,\n'
    assert problem(text) == "line 7: recipient_id is not a person's id (PSID): write digits only"


def test_ids_that_a_spreadsheet_has_rounded_are_refused_together() -> None:
    rounded = ["7000000000000000", "7100000000000000", "10212345678901200"]
    text = "recipient_id\n" + "\n".join([*rounded, "12"]) + "\n"
    assert "all ids of more than 15 digits end in zeros: a spreadsheet has rounded them" in problem(text)
    assert not problem(text).startswith("line")
    assert all(isinstance(found, Recipient) for found in read(text + "7000000000000001\n"))
