"""Output that holds every text, whatever the locale of the machine is called."""

from __future__ import annotations

import codecs
import sys
from io import TextIOWrapper


def hold_every_text() -> None:
    """Write UTF-8 where the locale only knows ASCII, and names of files as they are, also those in no encoding."""
    for stream, errors in ((sys.stdout, "surrogateescape"), (sys.stderr, "backslashreplace")):
        if isinstance(stream, TextIOWrapper):  # None: it was closed before we began
            is_ascii = codecs.lookup(stream.encoding).name == "ascii"
            stream.reconfigure(encoding="utf-8" if is_ascii else None, errors=errors)
