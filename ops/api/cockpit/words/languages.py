"""The languages that the cockpit speaks, and which of them a reader gets.

Another one is a line in `LANGUAGES` and a catalogue beside this file: docs/development.md says how.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from gettext import GNUTranslations, NullTranslations
from importlib.resources import files

COOKIE = "newar_language"


@dataclass(frozen=True)
class Language:
    """One language, as a browser names it, and how it writes numbers."""

    code: str
    """As in `<html lang>` and Accept-Language, for example `pt-BR`."""
    name: str
    """In itself."""
    thousands: str
    decimal: str

    def number(self, value: float, digits: int = 0) -> str:
        """Write a number with so many digits behind the decimal mark."""
        return self.of_english(f"{value:,.{digits}f}")

    def of_english(self, number: str) -> str:
        """Write a number that is written as English does, for example `1,234.5`."""
        whole, dot, rest = number.partition(".")
        return whole.replace(",", self.thousands) + (self.decimal + rest if dot else "")


ENGLISH = Language("en", "English", thousands=",", decimal=".")
LANGUAGES = (ENGLISH, Language("pt-BR", "Português", thousands=".", decimal=","))


def chosen(cookie: str | None, accepted: Iterable[str]) -> Language:
    """Return the language of a choice made in the footer, else the first accepted one that we speak, else English."""
    for wanted in ([cookie] if cookie else []) + list(accepted):
        for language in LANGUAGES:
            if wanted.lower() == language.code.lower() or _main(wanted) == _main(language.code):
                return language
    return ENGLISH


@cache
def catalogue(language: Language) -> NullTranslations:
    """Return the texts of a language; those of English are what the templates say."""
    if language is ENGLISH:
        return NullTranslations()
    with files(__package__).joinpath(f"{language.code}.mo").open("rb") as compiled:
        return GNUTranslations(compiled)


def _main(code: str) -> str:
    return code.lower().partition("-")[0]
