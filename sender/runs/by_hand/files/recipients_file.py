"""A file of recipients: CSV, Excel, NDJSON or a JSON list, read in constant memory. No database here."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

import msgspec

from schema.runtime.text_files import name_of
from sender.message.recipient_ids import RoundedIds, id_problem, mended_id
from sender.runs.by_hand.files.json_recipients import JsonRecipients
from sender.runs.by_hand.files.recipient import OWN_COLUMNS, Recipient
from sender.runs.by_hand.files.table_recipients import TableRecipients
from sender.runs.by_hand.files.tables.bad_line import BadLine
from sender.runs.by_hand.files.tables.delimited import Delimited
from sender.runs.by_hand.files.tables.lines import Lines
from sender.runs.by_hand.files.tables.opened import opened
from sender.runs.by_hand.files.tables.table import Table, counted

_ASKED_FOR = "recipient_id, last_interaction_at and time_zone (both optional), then variables"
_MOST_NAMED = 12


class RecipientsFile:
    """An opened file of recipients. Iterate once; then `how` says how it was taken.

    Ids that were meant beyond doubt are mended; what else is no usable id is a bad line.
    """

    def __init__(self, name: str, source: TableRecipients | JsonRecipients) -> None:
        self._name = name
        self._source = source
        self._mended = 0
        self._what_was_mended = set[str]()
        self.variables: list[str] | None = source.variables
        """The columns of variables, as they are written; None: each recipient has names of their own (JSON)."""

    def __iter__(self) -> Iterator[Recipient | BadLine]:
        """Yield each recipient or what is wrong with a line; at last, what is wrong with the ids together.

        Raises:
            BadFile: it is damaged, and the rest cannot be read.
            OSError: likewise.
        """
        rounded = RoundedIds()
        for number, found in self._source:
            if isinstance(found, BadLine):
                yield found
                continue
            recipient = self._mend(found)
            if problem := id_problem(recipient.recipient_id):
                yield BadLine(number, f"recipient_id {problem}")
            else:
                rounded.note(recipient.recipient_id)
                yield recipient
        if problem := rounded.problem():
            yield BadLine(None, problem)

    def how(self) -> str:
        """Return in one line how the file was taken, as far as it was read."""
        form = f"{self._name}: {self._source.form}"
        parts = [form, *self._columns(), *self._source.left_out()]
        if self._mended:
            parts.append(f"{counted(self._mended, 'id')} mended ({', '.join(sorted(self._what_was_mended))})")
        return "; ".join(parts)

    @property
    def may_have_it(self) -> int:
        """How many rows so far are `unknown`, in a file of `newar run failures`: they may have the message already."""
        return self._source.may_have_it

    def _mend(self, found: Recipient) -> Recipient:
        if found.recipient_id.isdigit():
            return found
        recipient_id, added = mended_id(found.recipient_id)
        if added and not id_problem(recipient_id):
            self._mended += 1
            self._what_was_mended |= added
        return msgspec.structs.replace(found, recipient_id=recipient_id)

    def _columns(self) -> list[str]:
        if self.variables is None or not self._source.own:
            return []
        own = f"columns {', '.join(self._source.own)}"
        if not self.variables:
            return [f"{own}, no variables"]
        more = len(self.variables) - _MOST_NAMED
        named = ", ".join(self.variables[:_MOST_NAMED]) + (f" and {more} more" if more > 0 else "")
        return [f"{own} and variables {named}"]


@contextmanager
def open_recipients(file: Path | TextIO) -> Iterator[RecipientsFile]:
    """Open a file of recipients, by what it holds and not by its name.

    Args:
        file: as for `tables.opened`.

    Raises:
        BadFile: it is something else, or damaged.
        OSError: it cannot be read.
    """
    name = name_of(file) if isinstance(file, Path) else "the file"
    with opened(file) as content:
        if isinstance(content, Lines) and content.first.lstrip("\ufeff \t").startswith(("{", "[")):
            yield RecipientsFile(name, JsonRecipients(content))
        else:
            table = Delimited(content) if isinstance(content, Lines) else content
            yield RecipientsFile(name, TableRecipients(Table(table, OWN_COLUMNS, _ASKED_FOR)))
