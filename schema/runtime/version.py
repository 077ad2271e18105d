"""The version of this program."""

from __future__ import annotations

from importlib import metadata


def version() -> str | None:
    """Return the installed version; None where the program is run from its folder, not installed."""
    try:
        return metadata.version("newar-message-sender")
    except metadata.PackageNotFoundError:
        return None
