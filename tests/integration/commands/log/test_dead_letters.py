"""`newar log dead-letters`: messages from anywhere, listed and shown."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from tests.integration.commands.log.letters import LIFE, WRONG, bury
from tests.unit.command_line import CommandLine

HOSTILE = b'\x1b[2J\x1b]0;owned\x07\r{"name": "\xc2\x9b5m\xe2\x80\xae"}\x7f'


def listed(desk: CommandLine, *options: str) -> list[str]:
    """Return the places of a list."""
    return [line.split()[0] for line in desk("log", "dead-letters", *options).stdout.splitlines() if "/" in line]


def test_they_are_listed_newest_first_page_by_page(desk: CommandLine, log_database_url: str) -> None:
    for hours_ago in (3, 2, 1):
        bury(log_database_url, [b"a", b"b"], hours_ago=hours_ago)
    everything = listed(desk)
    assert (
        everything == [f"{LIFE}/0/{offset}" for offset in (5, 4, 3, 2, 1, 0)] or sorted(everything) == everything[::-1]
    )
    pages, mark = [], list[str]()
    while found := desk("log", "dead-letters", "--limit", "2", *mark).stdout.splitlines()[1:]:
        pages += [line.split()[0] for line in found if line.startswith(LIFE)]
        if not found[-1].startswith("More"):
            break
        mark = ["--after", found[-1].split("'")[1]]
    assert pages == everything


def test_filters_choose_and_count_groups_reasons(desk: CommandLine, log_database_url: str) -> None:
    bury(log_database_url, [b"1"], hours_ago=50)
    bury(log_database_url, [b"2"], partition=3)
    bury(log_database_url, [b"3", b"4"], reason="JSON is malformed: invalid character (byte 17)")
    bury(log_database_url, [b"5"], reason="JSON is malformed: invalid character (byte 4)")
    assert listed(desk, "--reason", "MALFORMED") == [f"{LIFE}/0/{n}" for n in (4, 3, 2)]
    assert listed(desk, "--since", "2d", "--partition", "0") == [f"{LIFE}/0/{n}" for n in (4, 3, 2)]
    assert listed(desk, "--partition", "3") == [f"{LIFE}/3/1"]
    assert listed(desk, "--reason", "%") == []
    counts = json.loads(desk("log", "dead-letters", "--count", "--json").stdout)
    assert [(c["letters"], c["reason"]) for c in counts] == [
        (3, "JSON is malformed: invalid character (byte #)"),
        (2, WRONG),
    ]


def test_a_message_is_shown_harmlessly_and_written_exactly(desk: CommandLine, log_database_url: str) -> None:
    bury(log_database_url, [HOSTILE, b"\0\xff"], reason="\x1b[31mwhy")
    text = desk("log", "dead-letters", "show", f"{LIFE}/0/0").stdout
    assert all(c.isprintable() or c == "\n" for c in text)
    assert r'\u001b[2J\u001b]0;owned\u0007\u000d{"name": "\u009b5m\u202e"}\u007f' in text
    assert "00000000  00 ff" in desk("log", "dead-letters", "show", f"{LIFE}/0/1").stdout
    assert desk("log", "dead-letters", "show", f"{LIFE}/0/0", "--raw").stdout_bytes == HOSTILE
    for listing in (desk("log", "dead-letters"), desk("log", "dead-letters", "--count")):
        assert "\x1b" not in listing.stdout


def test_a_long_message_is_cut_when_shown_and_whole_when_written(desk: CommandLine, log_database_url: str) -> None:
    raw = b'"' + "é".encode() * 1_500_000 + b'"'
    bury(log_database_url, [raw])
    text = desk("log", "dead-letters", "show", f"{LIFE}/0/0").stdout
    assert len(text) < 5000
    assert f"first 4096 bytes of {len(raw)}" in text
    assert desk("log", "dead-letters", "show", f"{LIFE}/0/0", "--raw").stdout_bytes == raw


def test_all_of_them_are_exported_whole_a_line_each(desk: CommandLine, log_database_url: str) -> None:
    raws = [HOSTILE, b"\0\xff", b"x" * 100_000, b"", *[b"{}"] * 60]
    bury(log_database_url, raws)
    text = desk("log", "dead-letters", "--json").stdout
    assert all(c.isprintable() or c == "\n" for c in text)
    lines: list[dict[str, Any]] = [json.loads(line) for line in text.splitlines()]
    found = {line["place"]: line for line in lines}
    assert len(found) == len(raws)
    for offset, raw in enumerate(raws):
        line = found[f"{LIFE}/0/{offset}"]
        told = base64.b64decode(line["raw_base64"]) if "raw_base64" in line else line["raw"].encode()
        assert (told, line["bytes"], line["reason"]) == (raw, len(raw), WRONG)
    assert len(desk("log", "dead-letters", "--json", "--limit", "3").stdout.splitlines()) == 3


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["show", f"{LIFE}/0/7"], 1, "there is no dead letter"),
        (["show", f"{LIFE}/0/99999999999999999999"], 2, "is no place"),
        (["show", "3/17"], 2, "is no place"),
        (["--after", "yesterday"], 2, "last line of a former list"),
        (["--after", "2026-11-22T09:30:00/c/t//0/1"], 2, "last line of a former list"),
        (["--since", "soon"], 2, "write for example 2h"),
        (["--partition", "99999999999"], 2, "--partition"),
    ],
)
def test_what_is_not_there_or_no_place_is_said(desk: CommandLine, words: list[str], code: int, said: str) -> None:
    failed = desk("log", "dead-letters", *words)
    assert (failed.exit_code, said in failed.stderr) == (code, True)
