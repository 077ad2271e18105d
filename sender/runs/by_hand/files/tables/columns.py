"""The heading of a table: which column is which, and rows brought into its shape. Pure."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence

from sender.message.recipient_ids import bare, visible
from sender.message.variables import normal_name
from sender.runs.by_hand.files.tables.bad_line import NOT_UTF8

ID = "recipient_id"
_OTHER_NAMES_OF_IDS = re.compile(
    r"psid|u?id|userid|recipient|(messenger|facebook)(user)?id|(subscriber|sender|contact|fb|person|pagescoped)id"
)
_MOST_NAMED = 5
_LONGEST_SHOWN = 40


class BadHeading(Exception):
    """The first line does not name the columns; the text says what to write."""


class Columns:
    """What the heading says.

    Args:
        heading: its cells.
        own: names of columns that mean something to us. They are known in capitals and with blanks as well; all
            others stay as they are written.
        asked_for: the columns as a person is asked for them.

    Raises:
        BadHeading: it cannot be used.
    """

    def __init__(self, heading: Sequence[str], own: Collection[str], asked_for: str) -> None:
        known = {_folded(name): name for name in own}
        named = [known.get(_folded(cell)) or bare(cell) for cell in heading]
        while named and not named[-1]:
            named.pop()
        self.names = named
        """One for each column up to the last that has one; empty for a column without."""
        self.empty = len(heading) - sum(map(bool, named))
        """Columns without a name: they must not have values."""
        if problem := _problem(named, asked_for):
            raise BadHeading(problem)
        self.others = [name for name in named if name and name not in own]
        self.short_rows = 0
        """Rows that ended early."""
        self._nameless = [at for at, name in enumerate(named) if not name]

    def fit(self, cells: list[str]) -> str | None:
        """Give a row as many cells as there are names; return what keeps it from that.

        Rows end early where a spreadsheet leaves out empty cells at their end.
        """
        wide = len(self.names)
        if len(cells) < wide:
            self.short_rows += 1
            cells += [""] * (wide - len(cells))
        for at in (*self._nameless, *range(wide, len(cells))):
            if bare(cells[at]):
                return (
                    f"column {at + 1} has a value here, but no name in the heading: name it there, or empty it. If a "
                    "value holds the character that separates columns, put quotation marks around it"
                )
        del cells[wide:]
        return None


def names_ids(heading: Sequence[str]) -> bool:
    """Return whether one of the columns is that of the recipients' ids."""
    return any(_folded(cell) == _folded(ID) for cell in heading)


def _folded(name: str) -> str:
    return re.sub(r"[\s_-]+", "", visible(name)).casefold()


def _problem(names: list[str], asked_for: str) -> str | None:
    text = "".join(names)
    if any("\ud800" <= c <= "\udfff" for c in text):
        return NOT_UTF8
    if "\0" in text:
        return "holds a NUL character: save the file as UTF-8 text"
    if ID not in names:
        for name in names:
            if _OTHER_NAMES_OF_IDS.fullmatch(_folded(name)):
                return f"no column is called recipient_id: if {name!r} holds the ids (PSIDs), rename it to recipient_id"
        here = f", but it has {', '.join(_short(name) for name in names[:_MOST_NAMED])}" if any(names) else ""
        return f"the first line must name the columns, {asked_for}{here}"
    seen = set[str]()
    for name in filter(None, names):
        if normal_name(name) in seen:
            return f"column {_short(name)} stands there twice"
        seen.add(normal_name(name))
    return None


def _short(name: str) -> str:
    return repr(name if len(name) <= _LONGEST_SHOWN else f"{name[:_LONGEST_SHOWN]}…")
