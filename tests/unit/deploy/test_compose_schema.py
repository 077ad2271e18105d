"""The Compose files say only what Compose understands, by the specification's own schema.

`schemas/compose-spec.json` is that of github.com/compose-spec/compose-go v2.16.2, unchanged; Apache License 2.0.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from tests.unit.deploy.compose_files import FILES
from tests.unit.deploy.files import read_yaml

SCHEMA = json.loads(Path(__file__).with_name("schemas").joinpath("compose-spec.json").read_text("utf-8"))


def mistakes(content: object) -> list[str]:
    return [f"{error.json_path}: {error.message}" for error in Draft202012Validator(SCHEMA).iter_errors(content)]


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_a_file_is_what_the_specification_allows(file: Path) -> None:
    assert mistakes(read_yaml(file)) == []


def test_a_misspelt_word_would_be_noticed() -> None:
    assert mistakes({"services": {"a": {"image": "a", "healthchek": {}}}})
