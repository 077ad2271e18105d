"""`python -m ops.deploy.words`: brings the cockpit's catalogues up to date with its templates, and compiles them.

A new text appears in each `.po` without a translation; who translates it runs this again. Needs Babel.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.extract import extract
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

from ops.api.cockpit.words.languages import ENGLISH, LANGUAGES, Language

COCKPIT = Path(__file__).parents[1] / "api" / "cockpit"
WORDS = COCKPIT / "words"
OPS = COCKPIT.parents[1]
SENDER = OPS.parent / "sender"
SAID = (COCKPIT, OPS / "acts", OPS / "board", SENDER / "rules", SENDER / "runs")
"""Where texts stand that the cockpit says, beside its templates."""
_ERRORS = ("NotDone", "ActRefused", "NoSuch", "CannotNow", "NotFound", "NoSuchRun")
_OF_RUNS = ("RunUnusable", "RunMisdescribed", "UnknownRun")
CALLS = ("N_", "say", "Text", *_ERRORS, *_OF_RUNS)
"""What they are the first argument of."""
WIDTH = 100


def main() -> None:
    """Renew every catalogue, and say what has no translation."""
    for language in LANGUAGES:
        if language is not ENGLISH:
            catalogue = renewed(language)
            po(language).write_bytes(as_po(catalogue))
            mo(language).write_bytes(as_mo(catalogue))
            for text in untranslated(catalogue):
                print(f"{language.code}: no translation of: {text}")


def po(language: Language) -> Path:
    """Return where translations are written by people."""
    return WORDS / f"{language.code}.po"


def mo(language: Language) -> Path:
    """Return where they are read by the cockpit."""
    return WORDS / f"{language.code}.mo"


def renewed(language: Language) -> Catalog:
    """Return a language's translations of the texts that there are now."""
    code = language.code.replace("-", "_")
    old = read_po(io.BytesIO(po(language).read_bytes()), locale=code) if po(language).exists() else Catalog(code)
    texts = Catalog(code)
    for place, text, context in texts_of_all():
        texts.add(text, locations=[(place, 0)], context=context, auto_comments=[])
    old.update(texts, no_fuzzy_matching=True)
    old.obsolete.clear()
    return old


def untranslated(catalogue: Catalog) -> list[str]:
    """Return the texts that a reader of this language would see in English."""
    return [_one(message.id) for message in catalogue if message.id and not all(_all(message.string))]


def texts_of_all() -> Iterator[tuple[str, str | tuple[str, ...], str | None]]:
    """Find each text: the file that it is in, the text or its forms of one and of many, its context."""
    options = {"trimmed": "true", "silent": "false", "newstyle_gettext": "true"}
    for file in sorted(COCKPIT.rglob("*.html")):
        with file.open("rb") as opened:
            for _line, text, _comments, context in extract("jinja2.ext:babel_extract", opened, options=options):
                yield file.name, _text(text), context
    for file in sorted(file for place in SAID for file in place.rglob("*.py")):
        with file.open("rb") as opened:
            for _line, text, _comments, context in extract("python", opened, keywords=dict.fromkeys(CALLS)):
                yield file.name, _text(text), context


def as_po(catalogue: Catalog) -> bytes:
    """Write a catalogue for people; the same one gives the same bytes on any day."""
    catalogue.header_comment = "# The cockpit's words. Renewed by `nox -s words`."
    written = io.BytesIO()
    write_po(
        written, catalogue, width=WIDTH, sort_by_file=False, sort_output=True, include_lineno=False, omit_header=True
    )
    return f'{catalogue.header_comment}\nmsgid ""\nmsgstr ""\n{_header(catalogue)}\n\n'.encode() + written.getvalue()


def as_mo(catalogue: Catalog) -> bytes:
    """Write a catalogue for gettext; the same one gives the same bytes on any day, with any Babel."""
    plain = _Plain(catalogue.locale, charset="utf-8")
    plain.kept = _kept(catalogue)
    for message in catalogue:
        if message.id:
            plain.add(message.id, message.string, context=message.context)
    written = io.BytesIO()
    write_mo(written, plain)
    return written.getvalue()


class _Plain(Catalog):
    """One whose header holds what gettext needs, and no dates."""

    kept: dict[str, str]

    @property  # type: ignore[misc]  # the base's may be written too
    def mime_headers(self) -> list[tuple[str, str]]:
        return list(self.kept.items())


def _kept(catalogue: Catalog) -> dict[str, str]:
    return {
        "Language": str(catalogue.locale),
        "Content-Type": "text/plain; charset=utf-8",
        "Plural-Forms": catalogue.plural_forms,
    }


def _header(catalogue: Catalog) -> str:
    return "\n".join(f'"{name}: {value}\\n"' for name, value in _kept(catalogue).items())


def _text(text: str | tuple[str | None, ...] | None) -> str | tuple[str, ...]:
    if isinstance(text, tuple):
        return tuple(part for part in text if part is not None)
    return text or ""


def _all(string: str | list[str] | tuple[str, ...] | None) -> list[str]:
    return [string] if isinstance(string, str) else list(string or [""])


def _one(text: str | list[str] | tuple[str, ...]) -> str:
    return _all(text)[0]


if __name__ == "__main__":
    main()
