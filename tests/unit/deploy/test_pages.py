"""The pages that are written by hand: their links lead somewhere, and no outcome, class or decision is forgotten."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from schema.outcomes import ErrorClass, Outcome
from tests.unit.deploy.files import ROOT

DOCS = ROOT / "docs"
DECISIONS = ROOT / "ops" / "decisions"
PAGES = sorted([*DOCS.glob("*.md"), *DECISIONS.glob("*.md")])


def anchors(page: Path) -> set[str]:
    headings = re.findall(r"^#+ (.+)$", page.read_text("utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading).strip().lower().replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.name)
def test_every_link_leads_somewhere(page: Path) -> None:
    for path, anchor in re.findall(r"\]\(([^)#:]*)(?:#([^)]+))?\)", page.read_text("utf-8")):
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), path
        assert not anchor or anchor in anchors(target), anchor


def test_operators_can_look_up_every_outcome_and_error_class() -> None:
    rows = re.findall(r"^\| (`[^|]+) \|", (DOCS / "operations.md").read_text("utf-8"), re.MULTILINE)
    named = {name for row in rows for name in re.findall(r"`(\w+)`", row)}
    assert {*Outcome, *ErrorClass} <= named


def test_every_decision_is_listed() -> None:
    listed = re.findall(r"decisions/(\d{4}-[\w-]+\.md)", (DOCS / "architecture.md").read_text("utf-8"))
    assert sorted(listed) == sorted(page.name for page in DECISIONS.glob("*.md"))
