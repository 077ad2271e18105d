"""The pages made from the code are those in the repository."""

from __future__ import annotations

from pathlib import Path

from ops import commands_docs, settings_docs

DOCS = Path(__file__).parents[3] / "docs"


def test_settings_page_is_current() -> None:
    assert (DOCS / "settings.md").read_text("utf-8") == settings_docs.page(), (
        "run: python -m ops.settings_docs > docs/settings.md"
    )


def test_commands_page_is_current() -> None:
    assert (DOCS / "commands.md").read_text("utf-8") == commands_docs.page(), (
        "run: python -m ops.commands_docs > docs/commands.md"
    )
