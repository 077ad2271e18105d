"""A sentence of ours that can be said in other languages: its template and what fills it in, kept apart. Pure.

`str()` of it is the English sentence, as JSON, logs and the command line have it. Templates are what the cockpit's
catalogues translate: `python -m ops.deploy.words` finds those that are written out in a call.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import ClassVar, NamedTuple, Self, Union

import msgspec

MOMENT = "%Y-%m-%d %H:%M:%SZ"


def N_(text: str) -> str:  # noqa: N802 - gettext's name for a text that is translated where it is shown
    """Mark a text for the catalogues."""
    return text


class Figure(NamedTuple):
    """A number, or a moment in UTC, and how English writes it: a format as of `format()`."""

    value: float | datetime
    form: str = MOMENT

    def __str__(self) -> str:
        return format(self.value, self.form)


Value = Union[str, int, Figure, "Text", list["Text"]]
"""What fills in: a text that others wrote or a name, which stay as they are; a number; one that is written in a certain
form; a further sentence of ours; several, with commas between them."""


class Text:
    """A template with places like `%(run)s`, and their values; without any, a sentence as it stands."""

    def __init__(self, template: str, **values: Value) -> None:
        self.template = template
        self.values = values

    def __str__(self) -> str:
        return self.filled(self.template, {name: _in_english(value) for name, value in self.values.items()})

    @staticmethod
    def filled(template: str, values: Mapping[str, str]) -> str:
        """Fill a template, or a translation of it, with values that are written already."""
        return template % values if values else template


class TextError(Exception):
    """An error that a person is told of: `text` says what it is, `str()` of it in English.

    Args:
        template: with places like `%(run)s` for the values; a text as it stands where there are none.
    """

    def __init__(self, template: str, **values: Value) -> None:
        self.text = Text(template, **values)
        super().__init__(str(self.text))


class Worded(msgspec.Struct, dict=True):
    """An answer that keeps, beside its English fields, the texts they were made of. These are not encoded."""

    texts: ClassVar[Mapping[str, Text]] = {}

    def worded(self, **texts: Text) -> Self:
        """Keep by field what it was made of, and return it."""
        msgspec.structs.force_setattr(self, "texts", texts)
        return self

    def text(self, field: str) -> Text | str:
        """Return what a field was made of, else the field."""
        found: Text | str = self.texts.get(field) or getattr(self, field)
        return found


def _in_english(value: Value) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
