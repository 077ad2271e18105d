"""What is wrong with a text or an address, as far as can be told: placeholders in it may become anything. Pure."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

_SCHEMES = ("https://", "http://")
_PLAIN = re.compile(r"https?://[a-z0-9.-]+(:[0-9]+)?([/?#][^\s\x00-\x1f\x7f{]*)?", re.IGNORECASE)
_BLANK = re.compile(r"[\s\x00-\x1f\x7f]")
_END_OF_HOST = re.compile(r"[/?#]")


def fixed_parts(text: str) -> list[str]:
    """Return the pieces around the placeholders, which may be empty: one more than there are placeholders."""
    first, *others = text.split("{{")
    return [first, *(piece.partition("}}")[2] for piece in others)]


def is_fixed(text: str) -> bool:
    """Say whether the text has no placeholder."""
    return "{{" not in text


def blank_fault(text: str) -> str | None:
    """Return why nobody can read this; None when somebody may."""
    return "empty: write a text" if is_fixed(text) and not text.strip() else None


def length_fault(text: str, most: int) -> str | None:
    """Return that the text is longer than so many characters, whatever fills it; None when it may be short enough."""
    if len(text) <= most:
        return None
    length = sum(map(len, fixed_parts(text)))
    besides = "" if is_fixed(text) else " besides its placeholders"
    return f"{length} characters{besides}: write at most {most}" if length > most else None


def address_fault(text: str) -> str | None:
    """Return why this is no web address, whatever fills it; None when it may be one."""
    if _PLAIN.fullmatch(text):
        return None
    fault = _fault(text)
    return fault and f"{fault}: write it like https://example.com/page"


def _fault(text: str) -> str | None:
    parts = fixed_parts(text)
    if any(map(_BLANK.search, parts)):
        return "an address with a blank or a line break in it"
    start, filled_in = parts[0].lower(), len(parts) > 1
    scheme = next((s for s in _SCHEMES if start.startswith(s)), None)
    if scheme is None:
        open_ended = filled_in and any(s.startswith(start) for s in _SCHEMES)
        return None if open_ended else "no address of the web"
    try:
        host = urlsplit(start).hostname
    except ValueError:
        return "an address that cannot be read"
    begins_filled_in = filled_in and not _END_OF_HOST.search(start, len(scheme))
    return None if host or begins_filled_in else "an address without a host"
