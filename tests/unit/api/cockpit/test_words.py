"""Every text of the cockpit can be translated, and is."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from quart_trio import QuartTrio

from ops.api.cockpit.frame.class_words import CLASSES, classed
from ops.api.cockpit.frame.writing import NOTHING
from ops.api.cockpit.words.languages import ENGLISH, LANGUAGES, Language, catalogue, chosen
from ops.deploy import words
from schema.outcomes import ErrorClass

OTHERS = [language for language in LANGUAGES if language is not ENGLISH]
TEMPLATES = sorted((words.COCKPIT / "templates").glob("*.html"))
NAMES = frozenset({"p50 · p95", "Newar", "Authorization: Bearer …", "UTC", "JSON", "API", "Go on", "p", "U"})
"""What is the same in every language."""


@pytest.mark.parametrize("language", OTHERS, ids=lambda language: language.code)
class TestCatalogues:
    def test_every_text_has_its_translation(self, language: Language) -> None:
        assert words.untranslated(words.renewed(language)) == [], "write it into the .po, then: nox -s words"

    def test_the_files_are_those_of_the_texts_there_are(self, language: Language) -> None:
        renewed = words.renewed(language)
        assert words.po(language).read_bytes() == words.as_po(renewed), "nox -s words"
        assert words.mo(language).read_bytes() == words.as_mo(renewed), "nox -s words"

    def test_a_translation_fills_in_the_same_values(self, language: Language) -> None:
        for message in words.renewed(language):
            if message.id and isinstance(message.id, str) and isinstance(message.string, str):
                assert _values(message.id) == _values(message.string), message.id
                assert _tags(message.id) == _tags(message.string), message.id


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda path: path.name)
def test_no_template_has_a_text_that_is_not_translated(template: Path) -> None:
    text = template.read_text("utf-8")
    text = re.sub(r"\{%-? *trans.*?endtrans *-?%\}|\{#.*?#\}|\{\{.*?\}\}|\{%.*?%\}", "", text, flags=re.DOTALL)
    told = re.findall(r'(?:title|aria-label|placeholder|alt)="([^"]*[A-Za-z][^"]*)"', text)
    told += re.split(r"<[^>]*>", text)
    bare = [part.strip() for part in told if re.search(r"[A-Za-z]", part)]
    assert [part for part in bare if part not in NAMES and not part.startswith(("newar ", "·"))] == []


@pytest.mark.parametrize(
    ("cookie", "accepted", "code"),
    [
        (None, [], "en"),
        (None, ["pt-BR", "en"], "pt-BR"),
        (None, ["pt", "en"], "pt-BR"),
        (None, ["pt-PT"], "pt-BR"),
        (None, ["fr", "pt-BR"], "pt-BR"),
        (None, ["fr"], "en"),
        ("en", ["pt-BR"], "en"),
        ("pt-BR", ["en"], "pt-BR"),
        ("nonsense\0", ["pt-BR"], "pt-BR"),
    ],
)
def test_a_reader_gets_the_language_of_their_choice(cookie: str | None, accepted: list[str], code: str) -> None:
    assert chosen(cookie, accepted).code == code


def test_numbers_are_written_as_the_language_does() -> None:
    english, portuguese = LANGUAGES
    assert (english.number(1234567), english.number(1234.56, 1)) == ("1,234,567", "1,234.6")
    assert (portuguese.number(1234567), portuguese.number(1234.56, 1)) == ("1.234.567", "1.234,6")


def test_a_text_is_said_in_portuguese() -> None:
    assert catalogue(OTHERS[0]).gettext("Overview") == "Visão geral"


def test_every_class_of_errors_has_words() -> None:
    assert CLASSES.keys() == {name.value for name in ErrorClass}


async def test_a_class_keeps_its_name_and_is_explained_in_the_readers_language() -> None:
    async with QuartTrio(__name__).test_request_context("/", headers={"Accept-Language": "pt-BR"}):
        assert classed("bad_payload") == ('<abbr title="a Meta recusa a mensagem como está escrita">bad payload</abbr>')
        assert (classed(None), classed("of_a_newer_program")) == (NOTHING, "of a newer program")


def _values(text: str) -> set[str]:
    return set(re.findall(r"%\(\w+\)s", text))


def _tags(text: str) -> list[str]:
    return re.findall(r"<[^>]+>", text)
