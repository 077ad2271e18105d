"""The rooms are those of docs/architecture.md, tests are sorted like them, and no name stands for two things."""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[3]
PACKAGES = ("schema", "sender", "ingest", "ops")
SAME_PART_OF_TWO_THINGS = {"__init__", "__main__", "app", "settings", "errors"}
LONGEST_FILE = 300
LONGEST_FUNCTION = 60


def _modules(package: str) -> list[Path]:
    return sorted(f for f in (PROJECT / package).rglob("*.py") if "__pycache__" not in f.parts)


def _rooms() -> set[str]:
    """Every folder of the product that holds code of ours."""
    code = (f for package in PACKAGES for f in (PROJECT / package).rglob("*") if f.suffix in (".py", ".lua"))
    return {str(f.parent.relative_to(PROJECT)) for f in code if "__pycache__" not in f.parts}


def _named_in_architecture() -> set[str]:
    """Every folder in the first column of the table of rooms."""
    text = (PROJECT / "docs" / "architecture.md").read_text("utf-8")
    rows = re.findall(r"^\| (.*?) \|", text.partition("## The way of a message")[0], re.MULTILINE)
    return {name.rstrip("/") for row in rows for name in re.findall(r"`([a-z_/]+/)`", row)}


def test_the_architecture_names_folders_that_exist() -> None:
    named = _named_in_architecture()
    assert len(named) > 20
    assert [name for name in sorted(named) if not (PROJECT / name).is_dir()] == []


def test_the_architecture_names_files_that_exist() -> None:
    """As they are named there: from the project's root, or from one of its packages."""
    text = (PROJECT / "docs" / "architecture.md").read_text("utf-8")
    named = set(re.findall(r"`([\w/]+\.(?:py|lua|sql|toml))`", text)) | set(re.findall(r"`([\w]+(?:/[\w]+)+/)`", text))
    places = [PROJECT, *(PROJECT / package for package in PACKAGES)]
    missing = [name for name in named if not any((place / name).exists() for place in places)]
    assert [name for name in missing if not list((PROJECT / "sender" / "queue" / "scripts").rglob(name))] == []
    assert len(named) > 20


def test_every_room_has_its_line_in_the_architecture() -> None:
    scripts = {room for room in _rooms() if room.startswith("sender/queue/scripts/")}  # one line for all
    assert sorted(_rooms() - scripts - _named_in_architecture()) == []


@pytest.mark.parametrize("package", PACKAGES)
def test_no_two_modules_of_a_package_bear_one_name(package: str) -> None:
    names = Counter(f.stem for f in _modules(package))
    assert [n for n, count in names.items() if count > 1 and n not in SAME_PART_OF_TWO_THINGS] == []


@pytest.mark.parametrize("layer", ["unit", "integration"])
def test_folders_of_tests_are_named_like_the_rooms(layer: str) -> None:
    rooms = {room.partition("/")[2] for room in _rooms()} | set(PACKAGES) | {"deploy", "house"}
    top = PROJECT / "tests" / layer
    folders = {str(f.parent.relative_to(top)) for f in top.rglob("test_*.py")}
    assert sorted(folders - rooms - {"."}) == []  # beside them: what the tests themselves stand on


def _functions(tree: ast.AST) -> Iterator[tuple[str, int]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node.name, (node.end_lineno or node.lineno) - node.lineno + 1


@pytest.mark.parametrize("package", PACKAGES)
def test_files_and_functions_can_be_taken_in_at_a_look(package: str) -> None:
    """What grows beyond this is to be looked at: either it has two ideas, or this test gets a reason and its name."""
    texts = {str(f.relative_to(PROJECT)): f.read_text("utf-8") for f in _modules(package)}
    assert {name: text.count("\n") for name, text in texts.items() if text.count("\n") > LONGEST_FILE} == {}
    functions = {f"{name}:{function}": n for name, t in texts.items() for function, n in _functions(ast.parse(t))}
    assert {name: lines for name, lines in functions.items() if lines > LONGEST_FUNCTION} == {}
