"""The id of a recipient (PSID): whether it can be one, what it is instead, and what was meant beyond doubt. Pure."""

from __future__ import annotations

import re

from schema.outcomes import ErrorClass, Outcome
from sender.message.errors import NotSendable

LONGEST_ID = 30
"""Digits. A PSID is a number that 64 bits hold, 19 digits at most; what is longer than this is something else."""
KEPT_DIGITS = 15
"""As many digits of a number a spreadsheet keeps; it writes zeros for the others."""
_FROM_THE_SOURCE = "format the column as text and export it again from where the ids come from"


def check_recipient(recipient_id: str) -> None:
    """Check that the id is a string of ASCII digits, as it stands there: what a run's database holds is not mended.

    Zeros before it are left to Meta: only a file, which a person can mend at once, is refused for them.

    Raises:
        NotSendable: `invalid_recipient`, with what it looks like.
    """
    if not (recipient_id.isascii() and recipient_id.isdigit() and len(recipient_id) <= LONGEST_ID):
        reason = f"the recipient id {id_problem(recipient_id)}"
        raise NotSendable(ErrorClass.INVALID_RECIPIENT, Outcome.FAILED, reason)


def id_problem(text: str) -> str | None:
    """Return what is wrong with an id and what to do, to follow its name; None: it is usable. Holds no value."""
    if text.isascii() and text.isdigit():
        if len(text) > LONGEST_ID:
            return f"has {len(text)} digits, and no PSID has more than 19: write one id, digits only"
        return f"begins with 0, as no PSID does: write {_A_PSID}" if text[0] == "0" else None
    if not text.strip():
        return "is empty"
    if any(c.isdigit() and not c.isascii() for c in text):
        return "has digits of another script or width: write 0 to 9"
    for pattern, problem in _LOOKS_LIKE:
        if len(text) <= _LONGEST_LOOKED_AT and pattern.fullmatch(text):
            return problem
    return "is not a person's id (PSID): write digits only"


_LONGEST_LOOKED_AT = 300
"""Characters: patterns take long for long texts, and an address has fewer."""
_A_PSID = "the page-scoped id (PSID) that came with the person's message, digits only"
_LOOKS_LIKE = [
    (re.compile(pattern, re.IGNORECASE), problem)
    for pattern, problem in (
        (
            r"[+-]?\d+([.,]\d*)?e[+-]?\d+",
            f"looks like 7.0E+15: a spreadsheet has rounded it and its last digits are lost; {_FROM_THE_SOURCE}",
        ),
        (
            r"\d{1,4}([.,'\u2019_ \u00a0\u2009\u202f]\d{2,4})+",
            "has separators between its digits: format the column as text, and export it again",
        ),
        (
            r"\d+[.,]\d*",
            "has a decimal point: a program took the column for numbers and may have rounded them; "
            "let it read and write the column as text",
        ),
        (r"-\d+", f"is a negative number: write {_A_PSID}"),
        (r"\+[\d\s()./-]+|\(?\d[\d\s()./-]*", f"is a phone number, not a PSID: write {_A_PSID}"),
        (r"[^@\s]+@[^@\s]+\.[^@\s]+", f"is an e-mail address: write {_A_PSID}"),
        (r"@.*", f"is a user name: write {_A_PSID}"),
        (r"(https?://|www\.|m\.me/|fb\.|(\w+\.)?facebook\.).*", f"is a web address: write {_A_PSID}"),
        (
            r"#.*|null|none|nan|n/?a|nil|undefined|true|false|-+",
            "is what programs write where there is no value: leave the line out, or write the PSID",
        ),
        (r"(t|m|mid|aid)[_.].*", f"is the id of a conversation or of a message: write {_A_PSID}"),
    )
]

_NO_SIGN = (
    "\u00ad\u061c\u180e\u200b\u200c\u200d\u200e\u200f\u202a\u202b\u202c\u202d\u2060\u2066\u2067\u2068\u2069\ufeff"
)
"""Not U+202E, which turns around what is read: what was meant is in doubt then."""
_WITHOUT = dict.fromkeys(map(ord, _NO_SIGN))
_SINGLE, _DOUBLE = ("\u2018", "\u2019"), ("\u201c", "\u201d")
_PAIRS = [('="', '"'), ('"', '"'), ("'", "'"), _SINGLE, _DOUBLE]
_QUOTES = [*_PAIRS, *((before, "") for before in ("'", '"', *_SINGLE))]
"""Pairs first, then what a spreadsheet puts before a number that shall be text."""

INVISIBLE = "invisible characters"
QUOTES = "quotes"


def visible(text: str) -> str:
    """Return a text without what cannot be seen in it, and without the blanks around it."""
    return text.translate(_WITHOUT).strip()


def bare(text: str) -> str:
    """Return a text without blanks and invisible characters around it; within it they may join letters or emoji."""
    return text.strip().strip(_NO_SIGN).strip()


def mended_id(text: str) -> tuple[str, set[str]]:
    """Return an id without what programs add and nobody means, and what that was; what is left may be no id.

    The usual blanks around it are not worth a word.
    """
    seen = visible(text)
    added = {INVISIBLE} if seen != text.strip(" \t\r\n") else set[str]()
    for before, after in _QUOTES:
        if len(seen) > len(before + after) and seen.startswith(before) and seen.endswith(after):
            return seen[len(before) : len(seen) - len(after)].strip(), added | {QUOTES}
    return seen, added


SURE_ZEROS = 4
"""So many zeros where a spreadsheet keeps no digits are no chance any more: one in ten thousand."""


_APART = 1_000_000
"""Ids of people lie a billion apart; numbers that somebody counted through, for a test, next to each other."""


def counted_through(lowest: int, highest: int, count: int) -> bool:
    """Say whether so many ids were counted and are nobody's: every tenth or hundredth of them ends in zeros anyway."""
    return highest - lowest < _APART * count


class RoundedIds:
    """Notices ids that a spreadsheet has rounded: all that are longer than it keeps end in zeros from there on."""

    def __init__(self) -> None:
        self._some_are_whole = False
        self._rounded: set[str] = set()
        self._count = 0
        self._lowest = self._highest = 0

    def note(self, recipient_id: str) -> None:
        """Look at an id that is usable."""
        if self._some_are_whole or len(recipient_id) <= KEPT_DIGITS:
            return
        if recipient_id[KEPT_DIGITS:].strip("0"):
            self._some_are_whole = True
            return
        number = int(recipient_id)
        self._lowest = min(self._lowest or number, number)
        self._highest = max(self._highest, number)
        self._count += 1
        if len(self._rounded) < SURE_ZEROS:
            self._rounded.add(recipient_id)

    def problem(self) -> str | None:
        """Return what is wrong with all ids together; None: nothing."""
        zeros = sum(len(one) - KEPT_DIGITS for one in self._rounded)
        if self._some_are_whole or zeros < SURE_ZEROS:
            return None
        if counted_through(self._lowest, self._highest, self._count):
            return None
        return (
            f"all ids of more than {KEPT_DIGITS} digits end in zeros: a spreadsheet has rounded them, and their last "
            f"digits are lost; {_FROM_THE_SOURCE}"
        )
