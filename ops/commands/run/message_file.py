"""Reading the message that a run sends: a file, or standard input, with the Send API's message object."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import msgspec
import typer

from schema.runtime.text_files import read_text


def read_message(source: str) -> dict[str, Any]:
    """Read what `--message` names; `-` is standard input. What the message holds is not checked here.

    Raises:
        typer.BadParameter: it cannot be read, or is no JSON object.
    """
    try:
        text = sys.stdin.read().removeprefix("\ufeff") if source == "-" else read_text(Path(source))
        return msgspec.json.decode(text, type=dict[str, Any])
    except OSError as exc:
        raise typer.BadParameter(f"{source} cannot be read: {exc.strerror}", param_hint="--message") from None
    except (msgspec.DecodeError, UnicodeDecodeError, UnicodeEncodeError, RecursionError) as exc:
        hint = 'write the Send API\'s message object, for example {"text": "Hello"}'
        raise typer.BadParameter(f"{source} is not a JSON object ({exc}); {hint}", param_hint="--message") from None
