"""The version of this program."""

from __future__ import annotations


def version() -> str | None:
    """Return the installed version; None where the program is run from its folder, not installed."""
    from importlib import metadata  # noqa: PLC0415 - it takes long, and few ask

    try:
        return metadata.version("newar-message-sender")
    except metadata.PackageNotFoundError:
        return None
