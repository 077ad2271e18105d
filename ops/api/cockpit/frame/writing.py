"""How figures, moments and other people's texts are written on a page, in the reader's language: Jinja's filters."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from datetime import UTC, datetime

import msgspec
from markupsafe import Markup, escape
from quart import g, request
from quart_trio import QuartTrio

from ops.api.cockpit.words.languages import COOKIE, Language, catalogue, chosen
from schema.text import Figure, Text, TextError, Value

NOTHING = "\N{EN DASH}"
_LINE_END = re.compile("\r?\n")
DAY_S = 86400


def add_filters(app: QuartTrio) -> None:
    """Teach them to the templates."""
    app.jinja_env.filters.update(
        count=count,
        rate=rate,
        percent=percent,
        ms=ms,
        duration=duration,
        moment=moment,
        plain=plain,
        shown=shown,
        lines=lines,
        said=say,
        as_json=as_json,
        each_shown=each_shown,
        unseen=unseen,
    )


def language() -> Language:
    """Return the reader's."""
    found: Language | None = g.get("language")
    if found is None:
        accepted = [wanted for wanted, _quality in request.accept_languages]
        found = g.language = chosen(request.cookies.get(COOKIE), accepted)
    return found


def say(text: str, **values: object) -> str:
    """Return a text of ours in the reader's language, with its values filled in."""
    said = _translated(text)
    return said % values if values else said


def in_words(text: Text) -> str:
    """Return a text of ours, and those within it, in the reader's language: without any markup, for a notice."""
    return Text.filled(_translated(text.template), {name: _in_words(value) for name, value in text.values.items()})


def why(error: Exception) -> str:
    """Return why something was not done, in the reader's language where the text is one of ours that says so."""
    return in_words(error.text) if isinstance(error, TextError) else str(error)


def count(value: int | None) -> str:
    """Write a whole number; unknown is not 0."""
    return NOTHING if value is None else language().number(value)


def rate(value: float | None) -> str:
    """Write a number per second."""
    return NOTHING if value is None else language().number(value, 0 if value >= 10 or value == int(value) else 1)


def percent(share: float | None) -> str:
    """Write a share from 0 to 1. Only all of it is 100 %."""
    if share is None:
        return NOTHING
    return f"{language().number(int(100 * share + 1e-9))} %"


def ms(value: float | None) -> str:
    """Write milliseconds."""
    if value is None:
        return NOTHING
    return f"{language().number(value / 1000, 1)} s" if value >= 10_000 else f"{language().number(round(value))} ms"


def duration(seconds: float | None) -> str:
    """Write a length of time by its two largest units."""
    if seconds is None:
        return NOTHING
    s = max(0, round(seconds))
    if s < 60:
        return f"{s} s"
    if s < 3600:
        return f"{s // 60} min {s % 60} s"
    if s < DAY_S:
        return f"{s // 3600} h {s % 3600 // 60} min"
    return f"{language().number(s // DAY_S)} d {s % DAY_S // 3600} h"


def moment(at: datetime | None, now: datetime | None = None) -> str | Markup:
    """Write a moment in UTC, without its date when it is today; the page's script adds the reader's own time."""
    if at is None:
        return NOTHING
    at, today = at.astimezone(UTC), (now or datetime.now(UTC)).astimezone(UTC)
    form = "%H:%M:%S" if at.date() == today.date() else "%Y-%m-%d %H:%M"
    return Markup('<time datetime="{}">{}</time>').format(at.isoformat(timespec="milliseconds"), at.strftime(form))


def plain(name: str | None) -> str:
    """Write a name of ours (`recipient_permanent`) with spaces."""
    return NOTHING if not name else name.replace("_", " ")


def shown(text: object) -> str | Markup:
    """Write a text that a source or Graph chose: what would not be seen, or would turn what follows, is made visible.

    One of ours is said in the reader's language, and such a text within it written likewise.

    Control characters, line breaks, those that change the direction of writing and those without any width become
    their number in a frame (`U+202E`), so that no name can pass for another. A joiner within an emoji is left alone.
    """
    if text is None or text == "":
        return NOTHING
    if isinstance(text, Text):
        template = escape(_translated(text.template))
        return template % each_shown(text.values) if text.values else template
    written = str(text)
    parts = [
        _made_visible(c) if _is_hidden(c) and not _joins(written, at) else escape(c) for at, c in enumerate(written)
    ]
    return Markup("").join(parts)


def lines(text: object) -> Markup:
    """Write a text of several lines as `shown`, with its line breaks; no other character passes for one."""
    *found, last = _LINE_END.split(str(text))
    found += [last] if last else []
    return Markup("<br>").join(shown(line) if line else "" for line in found)


def unseen(text: object) -> int:
    """Return how many characters of a text `lines` makes visible."""
    return sum(
        _is_hidden(c) and not _joins(line, at) for line in _LINE_END.split(str(text)) for at, c in enumerate(line)
    )


def as_json(value: object) -> str:
    """Write a value for people who know JSON."""
    return msgspec.json.format(msgspec.json.encode(value), indent=2).decode()


def each_shown(values: Mapping[str, Value]) -> dict[str, str | Markup]:
    """Write the values that fill a text in."""
    return {name: _shown(value) for name, value in values.items()}


def _shown(value: Value) -> str | Markup:
    if isinstance(value, list):
        return Markup(", ").join(map(shown, value))
    if isinstance(value, int | Figure):
        return figure(value)
    return shown(value) if value else ""


def _in_words(value: Value) -> str:
    if isinstance(value, list):
        return ", ".join(map(in_words, value))
    if isinstance(value, int | Figure):
        written = figure(value)
        return written.striptags() if isinstance(written, Markup) else written
    return in_words(value) if isinstance(value, Text) else value


def figure(value: int | Figure) -> str | Markup:
    """Write a number or a moment of one of our texts as numbers and moments are written here."""
    if isinstance(value, int):
        return count(value)
    if isinstance(value.value, datetime):
        return moment(value.value)
    return language().of_english(str(value))


def _translated(text: str) -> str:
    return catalogue(language()).gettext(text) if text else ""


def _is_hidden(character: str) -> bool:
    """Tell controls (Cc), formats (Cf: direction, zero width), surrogates, private and unassigned ones, breaks."""
    return unicodedata.category(character) in {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"} or (
        character in "\u115f\u1160\u3164\uffa0\u034f"  # letters and marks that have no ink
    )


def _joins(text: str, at: int) -> bool:
    """Tell whether here is a joiner between two signs of one emoji."""
    if text[at] != "\u200d" or not 0 < at < len(text) - 1:
        return False
    return unicodedata.category(text[at + 1]) == "So" and (
        unicodedata.category(text[at - 1]) in {"So", "Sk"} or text[at - 1] == "\ufe0f"
    )


def _made_visible(character: str) -> Markup:
    if character == "\n":
        return Markup('<span class="hidden-char">↵</span> ')
    return Markup('<span class="hidden-char">U+{}</span>').format(f"{ord(character):04X}")
