"""The pages made from the code are those in the repository."""

from __future__ import annotations

import re
from pathlib import Path
from textwrap import dedent

from ops.generated_docs import commands_page, from_the_original_page, message_rules_page, rules_page, settings_page
from sender.rules.rule_fields import ACTIONS, FIELDS
from sender.rules.rule_table import load

DOCS = Path(__file__).parents[3] / "docs"


def test_settings_page_is_current() -> None:
    assert (DOCS / "settings.md").read_text("utf-8") == settings_page.page(), (
        "run: python -m ops.generated_docs.settings_page > docs/settings.md"
    )


def test_commands_page_is_current() -> None:
    assert (DOCS / "commands.md").read_text("utf-8") == commands_page.page(), (
        "run: python -m ops.generated_docs.commands_page > docs/commands.md"
    )


def test_rules_page_is_current() -> None:
    assert (DOCS / "rules.md").read_text("utf-8") == rules_page.page(), (
        "run: python -m ops.generated_docs.rules_page > docs/rules.md"
    )


def test_the_page_for_moving_over_is_current() -> None:
    assert (DOCS / "from-the-original.md").read_text("utf-8") == from_the_original_page.page(), (
        "run: python -m ops.generated_docs.from_the_original_page > docs/from-the-original.md"
    )


def test_message_rules_page_is_current() -> None:
    assert (DOCS / "message-rules.md").read_text("utf-8") == message_rules_page.page(), (
        "run: python -m ops.generated_docs.message_rules_page > docs/message-rules.md"
    )


def test_the_example_on_the_rules_page_can_be_used_as_it_is(tmp_path: Path) -> None:
    text = (DOCS / "rules.md").read_text("utf-8")
    example = dedent(text.partition("## A file of your own\n")[2].partition("\nAn answer can fit")[0])
    file = tmp_path / "rules.toml"
    file.write_text(example, "utf-8")
    named = re.findall(r'^name = "(.*)"', example, re.MULTILINE)
    rules = {rule.name for rule in load(file, 5, 300_000).rules}
    assert set(named) - rules == {"page-usage-70"}
    assert len(named) == 3


def test_the_rules_page_names_every_field_and_action() -> None:
    cells = re.findall(r"^\| (.*?) \| (.*?) \|", (DOCS / "rules.md").read_text("utf-8"), re.MULTILINE)
    named = {name for row in cells for cell in row for name in re.findall(r"`(\w+)`", cell)}
    assert set(FIELDS) | {action for actions in ACTIONS.values() for action in actions} <= named
