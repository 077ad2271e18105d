"""Files with and without a mark at their beginning."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from schema.runtime.settings import RedisSettings, SettingsError, load
from schema.runtime.text_files import open_lines, read_text

ENCODINGS = ["utf-8", "utf-8-sig", "utf-16", "utf-16-be"]
PEOPLE = "recipient_id,name\n7,Zo\u00eb\n"


def saved(folder: Path, text: str, encoding: str) -> Path:
    file = folder / "file"
    mark = b"\xfe\xff" if encoding == "utf-16-be" else b""
    file.write_bytes(mark + text.encode(encoding))
    return file


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_a_file_is_read_as_its_mark_says(tmp_path: Path, encoding: str) -> None:
    file = saved(tmp_path, PEOPLE, encoding)
    assert read_text(file) == PEOPLE
    with open_lines(file) as lines:
        assert list(lines) == PEOPLE.splitlines(keepends=True)


def test_a_pipe_is_read_once(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with ThreadPoolExecutor(1) as other:
        other.submit(pipe.write_bytes, "\ufeffZo\u00eb".encode())
        assert read_text(pipe) == "Zo\u00eb"


@pytest.mark.parametrize(("encoding", "bad"), [("utf-8", b"\xff"), ("utf-16", b"\x41")])
def test_a_broken_byte_spoils_one_line(tmp_path: Path, encoding: str, bad: bytes) -> None:
    file = saved(tmp_path, PEOPLE + "8,", encoding)
    file.write_bytes(file.read_bytes() + bad)
    with open_lines(file) as lines:
        *whole, spoilt = lines
    assert whole == PEOPLE.splitlines(keepends=True)
    assert (spoilt[:2], ascii(spoilt[2:])) == ("8,", {"utf-16": r"'\ufffd'"}.get(encoding, r"'\udcff'"))


def test_an_empty_file_is_empty(tmp_path: Path) -> None:
    assert read_text(saved(tmp_path, "", "utf-8")) == ""


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
def test_settings_are_read_with_the_mark_and_without(tmp_path: Path, encoding: str) -> None:
    file = saved(tmp_path, "REDIS_URL=redis://a:1/0\n", encoding)
    assert load(RedisSettings, env_file=str(file)).redis_url.get_secret_value() == "redis://a:1/0"


@pytest.mark.parametrize(("encoding", "said"), [("utf-16", "is UTF-16: save it as UTF-8"), ("cp1252", "is not UTF-8")])
def test_settings_that_cannot_be_decoded_are_named(tmp_path: Path, encoding: str, said: str) -> None:
    file = saved(tmp_path, "REDIS_URL=redis://\u00e9:1/0\n", encoding)
    with pytest.raises(SettingsError) as caught:
        load(RedisSettings, env_file=(str(tmp_path / "none"), str(file)))
    assert str(file) in str(caught.value)
    assert said in str(caught.value)
