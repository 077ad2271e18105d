"""The Lua scripts as texts: each loads what it uses, and no more. What they do is tested on a real Redis."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import sender.queue
from sender.queue.script_loader import source

FOLDER = Path(sender.queue.__file__).parent / "scripts"
FILES = {path.relative_to(FOLDER).with_suffix("").as_posix(): path.read_text() for path in FOLDER.rglob("*.lua")}
LIBRARIES = {name.removeprefix("lib/"): text for name, text in FILES.items() if name.startswith("lib/")}
SCRIPTS = sorted(name for name in FILES if not name.startswith("lib/"))
LUA = {"and", "function", "if", "in", "not", "or", "return"} | {
    "ipairs",
    "next",
    "pairs",
    "pcall",
    "tonumber",
    "tostring",
    "type",
    "unpack",
}
"""Words of Lua itself before a bracket."""


def code(text: str) -> str:
    """The text without comments and strings."""
    return re.sub(r"'[^'\n]*'", "''", re.sub(r"--.*", "", text))


def words(text: str) -> set[str]:
    """Names that the code mentions, fields of tables left out."""
    return set(re.findall(r"(?<![.\w])[A-Za-z_]\w*", code(text)))


def given(library: str) -> set[str]:
    """Functions and constants of a library."""
    return set(re.findall(r"^local (?:function )?(\w+)", LIBRARIES[library], re.MULTILINE))


def named(text: str) -> list[str]:
    """Libraries that the file says it uses."""
    lines = re.findall(r"^-- uses: (.*)$", "\n".join(text.splitlines()[:2]), re.MULTILINE)
    return lines[0].split(", ") if lines else []


@pytest.mark.parametrize("name", sorted(FILES))
def test_a_file_names_the_libraries_that_it_uses_and_no_other(name: str) -> None:
    mentioned = words(FILES[name])
    used = {library for library in LIBRARIES if f"lib/{library}" != name and given(library) & mentioned}
    assert sorted(named(FILES[name])) == sorted(used)


@pytest.mark.parametrize("name", SCRIPTS)
def test_every_function_that_a_script_calls_is_loaded_before_it(name: str) -> None:
    text = code(source(name))
    for call in re.finditer(r"(?<![.\w])(?<!function )([A-Za-z_]\w*)\(", text):
        called = call[1]
        assert called in LUA or re.search(rf"local function {called}\(", text[: call.start()]), called


@pytest.mark.parametrize("name", SCRIPTS)
def test_a_script_says_in_its_first_lines_what_it_takes(name: str) -> None:
    lines = FILES[name].splitlines()
    assert next(line for line in lines if not line.startswith(("#!lua flags=", "-- uses: "))).startswith("-- ARGV: ")


def test_no_script_bears_the_name_of_a_function() -> None:
    functions = {name for library in LIBRARIES for name in given(library)}
    assert functions & {name.rsplit("/", 1)[1] for name in SCRIPTS} == set()


def test_no_two_libraries_give_the_same_name() -> None:
    everything = [name for library in LIBRARIES for name in given(library)]
    assert len(everything) == len(set(everything))


def test_flags_stay_the_first_line_and_each_library_comes_once_after_those_it_uses() -> None:
    lines = source("work/settle").splitlines()
    assert lines[0] == "#!lua flags=allow-oom"
    first_lines = {library: text.splitlines()[1 if named(text) else 0] for library, text in LIBRARIES.items()}
    at = {library: lines.index(line) for library, line in first_lines.items() if line in lines}
    assert all(lines.count(first_lines[library]) == 1 for library in at)
    assert at["base"] < at["lanes"] < at["pages"] < at["answers"] < at["actions"] < at["judge"]
    assert at["gcra"] < at["actions"]
    assert "clock" not in at


def test_an_unknown_script_or_library_is_an_error_that_names_it(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(LookupError, match="no Lua script 'work/clam'"):
        source("work/clam")
    texts = {"work/new": "-- uses: base, lanse\nreturn 1\n", "lib/base": "local P = ''\n"}
    original = Path.read_text
    monkeypatch.setattr(
        Path, "read_text", lambda self, code: texts.get(f"{self.parent.name}/{self.stem}") or original(self, code)
    )
    with pytest.raises(LookupError, match="no Lua script 'lib/lanse'"):
        source("work/new")
