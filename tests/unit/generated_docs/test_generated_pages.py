"""The pages made from the code are those in the repository."""

from __future__ import annotations

from pathlib import Path

from ops.generated_docs import commands_page, settings_page

DOCS = Path(__file__).parents[3] / "docs"


def test_settings_page_is_current() -> None:
    assert (DOCS / "settings.md").read_text("utf-8") == settings_page.page(), (
        "run: python -m ops.generated_docs.settings_page > docs/settings.md"
    )


def test_commands_page_is_current() -> None:
    assert (DOCS / "commands.md").read_text("utf-8") == commands_page.page(), (
        "run: python -m ops.generated_docs.commands_page > docs/commands.md"
    )
