"""Values of an `.env` file whose `$` Compose reads otherwise than we do. Pure.

We fill in `${NAME}` and `${NAME:-default}` wherever they stand. Compose (compose-go's dotenv) fills them in too, but
not between single quotes; it also fills in `$NAME`, and makes one `$` of two, and of one behind a backslash.
"""

from __future__ import annotations

import re
from io import StringIO

from dotenv.parser import parse_stream

_OURS = re.compile(r"\$\{[^}:]*(?::-[^}]*)?\}")
_OF_BOTH = re.compile(r"\$\{[A-Za-z_]\w*(?::-[^}$]*)?\}")
_THEIRS = re.compile(r"\$[A-Za-z_{$]|\\\$")
_SINGLE_QUOTED = re.compile(r"[^=]*=\s*'")


def read_differently(text: str) -> list[str]:
    """Return the names in the text of an `.env` file whose values Compose and we read differently."""
    return [
        found.key
        for found in parse_stream(StringIO(text))
        if found.key and found.value and _differs(found.value, bool(_SINGLE_QUOTED.match(found.original.string)))
    ]


def _differs(value: str, single_quoted: bool) -> bool:
    if single_quoted:
        return _OURS.search(value) is not None
    return _THEIRS.search(_OF_BOTH.sub("", value)) is not None
