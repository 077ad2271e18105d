"""What the image consists of is said in valid SPDX, of every package that it gets."""

from __future__ import annotations

import re
from importlib.metadata import version
from pathlib import Path

import pytest
from spdx_tools.spdx.parser.parse_anything import parse_file
from spdx_tools.spdx.validation.document_validator import validate_full_spdx_document

from ops.deploy.sbom import IMAGE_PYTHON, refuse_another_python, write
from tests.unit.deploy.files import DEPLOY, ROOT, locked


def test_the_document_is_valid_and_names_each_package_with_version_and_license(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT)
    file = tmp_path / "dist" / "newar.spdx.json"
    write(file)
    document = parse_file(str(file))
    assert validate_full_spdx_document(document) == []
    told = {package.name: package.version for package in document.packages}
    ours = "newar-message-sender"
    assert told == {ours: version(ours)} | locked("requirements.lock")
    assert [p.name for p in document.packages if str(p.license_declared) in {"None", "NOASSERTION"}] == []


def test_another_python_than_the_images_is_refused_since_it_has_other_packages() -> None:
    image = re.findall(r"^FROM python:(\d+)\.(\d+)-slim", (DEPLOY / "Dockerfile").read_text("utf-8"), re.MULTILINE)
    assert {tuple(map(int, version)) for version in image} == {IMAGE_PYTHON}
    refuse_another_python((*IMAGE_PYTHON, 1))
    with pytest.raises(SystemExit, match="other packages"):
        refuse_another_python((3, 11, 7))
