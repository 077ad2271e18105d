"""Bytes from anywhere, made harmless for a terminal and still readable. Pure."""

from __future__ import annotations

import re

_NOT_PLAIN = re.compile(r"[^\x20-\x7e]")
_ROW = 16


def shown(raw: bytes, *, cut: bool = False) -> str:
    """Return text as it is, with escapes for what is no printable character; other bytes as a table of hex.

    `cut`: the end is missing, perhaps in the middle of a character.
    """
    for spared in range(4 if cut else 1):
        try:
            return escaped(raw[: len(raw) - spared].decode(), newlines=True)
        except UnicodeDecodeError:
            continue
    return "\n".join(_hex_row(raw, at) for at in range(0, len(raw), _ROW))


def escaped(text: str, *, newlines: bool = False) -> str:
    r"""Return text with `\u001b` for characters that are not printable, as JSON writes them; lines may stay."""

    def of(found: re.Match[str]) -> str:
        character = found[0]
        if character.isprintable() or (newlines and character == "\n"):
            return character
        units = character.encode("utf-16-be", "surrogatepass")
        return "".join(f"\\u{units[i : i + 2].hex()}" for i in range(0, len(units), 2))

    return _NOT_PLAIN.sub(of, text)


def _hex_row(raw: bytes, at: int) -> str:
    row = raw[at : at + _ROW]
    text = "".join(chr(byte) if 0x20 <= byte < 0x7F else "." for byte in row)
    return f"{at:08x}  {row.hex(' '):<{3 * _ROW - 1}}  {text}"
