"""What environment and files say, before anybody judges it. Quick to import: health checks ask here first."""

from __future__ import annotations

import os
from collections.abc import Mapping

from dotenv import dotenv_values

from schema.runtime import old_names
from schema.runtime.text_files import UTF8

ENV_FILE = ".env"
UP_FILE = ".newar/up.env"
"""Where `newar up` says, while it runs, at what addresses its local servers are; `.env` counts more."""
FILES = (UP_FILE, ENV_FILE)


def given_by_people(env_file: str | tuple[str, ...] | None = FILES) -> dict[str, str]:
    """Return what environment and `.env` say, without what `newar up` says: by names in capitals, nothing empty.

    Raises:
        UnicodeDecodeError: a file is not UTF-8.
    """
    files = (env_file,) if isinstance(env_file, str) else env_file or ()
    sources: list[Mapping[str, str | None]] = [dotenv_values(name, encoding=UTF8) for name in files if name != UP_FILE]
    return {name.upper(): value for source in [*sources, os.environ] for name, value in source.items() if value}


def address(name: str) -> str | None:
    """Return an address as services would read it, not judged; None: there is none. Errors: UnicodeDecodeError."""
    given = given_by_people()
    made = old_names.read(given).get(name)
    return given.get(name) or (made.value if made else dotenv_values(UP_FILE, encoding=UTF8).get(name))
