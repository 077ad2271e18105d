"""Ids of recipients: which are usable, what the others are instead, and what is mended."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schema.outcomes import ErrorClass, Outcome
from sender.message.errors import NotSendable
from sender.message.recipient_ids import RoundedIds, check_recipient, id_problem, mended_id

ID = "7000000000000001"


@pytest.mark.parametrize(
    "recipient_id",
    ["", "12a", " 12", "12\n", "-1", "1.0", "\u0661\u0662", "\u00b2", '1"}', f"'{ID}", "\u200b1", "1" * 31],
)
def test_an_id_from_a_database_is_ascii_digits_and_not_mended(recipient_id: str) -> None:
    with pytest.raises(NotSendable) as caught:
        check_recipient(recipient_id)
    assert (caught.value.error_class, caught.value.outcome) == (ErrorClass.INVALID_RECIPIENT, Outcome.FAILED)
    assert caught.value.reason.startswith("the recipient id ")


@pytest.mark.parametrize("recipient_id", ["1", ID, "9" * 30])
def test_digits_are_usable(recipient_id: str) -> None:
    check_recipient(f"0{recipient_id}"[:30])
    assert id_problem(recipient_id) is None
    check_recipient(recipient_id)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "7.00000000000000E+15",
            "a spreadsheet has rounded it and its last digits are lost; format the column as text",
        ),
        ("7E+15", "a spreadsheet has rounded it"),
        ("7,0e15", "a spreadsheet has rounded it"),
        (f"{ID}.0", "has a decimal point"),
        (f"{ID},00", "has a decimal point"),
        (f"{ID}.", "has a decimal point"),
        ("7,000,000,000,000,001", "has separators between its digits: format the column as text"),
        ("7.000.000.000.000.001", "has separators"),
        ("7\u202f000\u202f000", "has separators"),
        ("7000 0000 0000 0001", "has separators"),
        ("+15551230001", "is a phone number, not a PSID"),
        ("+1 (555) 123-0001", "is a phone number"),
        ("555-123-0001", "is a phone number"),
        ("0015551230001", "begins with 0, as no PSID does"),
        ("-7", "is a negative number"),
        ("@ann", "is a user name"),
        ("ann@example.com", "is an e-mail address"),
        ("https://m.me/ann", "is a web address"),
        ("facebook.com/ann", "is a web address"),
        ("#N/A", "is what programs write where there is no value"),
        ("NULL", "is what programs write where there is no value"),
        ("t_10212345", "is the id of a conversation or of a message"),
        ("\uff17\uff10", "has digits of another script or width: write 0 to 9"),
        ("\u0667", "has digits of another script"),
        ("9" * 31, "has 31 digits, and no PSID has more than 19"),
        (" \u00a0", "is empty"),
        ("ann", "is not a person's id (PSID): write digits only"),
        ("a@" + "." * 1000 + " ", "is not a person's id"),
    ],
)
def test_what_an_id_looks_like_is_said_without_its_value(text: str, said: str) -> None:
    problem = id_problem(text)
    assert problem is not None
    assert said in problem
    assert text.strip() == "" or text not in problem


@pytest.mark.parametrize(
    ("text", "added"),
    [
        (ID, set()),
        (f" {ID}\t", set()),
        (f"\u200b{ID}", {"invisible characters"}),
        (f"\ufeff{ID}\u00a0", {"invisible characters"}),
        (f"\u202a{ID}\u202c", {"invisible characters"}),
        (f"70000000\u206000000001{''}", {"invisible characters"}),
        (f"'{ID}", {"quotes"}),
        (f'"{ID}"', {"quotes"}),
        (f"'{ID}'", {"quotes"}),
        (f'="{ID}"', {"quotes"}),
        (f"\u201c{ID}\u201d", {"quotes"}),
        (f"\u2019{ID}", {"quotes"}),
        (f'"\u200b{ID} "', {"invisible characters", "quotes"}),
    ],
)
def test_what_programs_add_is_taken_off(text: str, added: set[str]) -> None:
    assert mended_id(text) == (ID, added)


@pytest.mark.parametrize("text", ["\u202e1000", "''7", "\uff17", "7 7", "7\u00a07", "'7.0E+15", "=7", "'", '""', "7'"])
def test_what_is_in_doubt_stays_no_id(text: str) -> None:
    assert id_problem(mended_id(text)[0])


@given(st.text())
def test_any_text_is_an_id_or_has_a_problem_and_mending_loses_no_letter_or_digit(text: str) -> None:
    mended, _ = mended_id(text)
    assert [c for c in mended if c.isalnum()] == [c for c in text if c.isalnum()]
    assert (id_problem(mended) is None) == (
        mended.isascii() and mended.isdigit() and mended[0] != "0" and len(mended) < 31
    )


@pytest.mark.parametrize(
    ("ids", "rounded"),
    [
        (["7000000000000000", "7000000000000010", "71234567890123400"], True),
        (["7000000000000000", "7000000000000010"], False),
        (["7000000000000000"] * 5, False),
        (["7000000000000000", "7000000000000010", "71234567890123400", ID], False),
        (["70000000", "71000000", "72000000"], False),
        (["7000000000000000", "7000000000000010", "71234567890123400", "123"], True),
        ([str(7 * 10**15 + 20 * n) for n in range(150)], False),
        ([str(7 * 10**15 + 10_000 * n) for n in range(150)], False),
        ([str(7 * 10**15 + 10_000_000_000 * n) for n in range(150)], True),
    ],
)
def test_long_ids_that_all_end_in_zeros_were_rounded(ids: list[str], rounded: bool) -> None:
    seen = RoundedIds()
    for each in ids:
        seen.note(each)
    assert bool(seen.problem()) == rounded
