"""What the image consists of is said in valid SPDX, of every package that it gets."""

from __future__ import annotations

import re
from importlib.metadata import version
from pathlib import Path

import pytest
from spdx_tools.spdx.parser.parse_anything import parse_file
from spdx_tools.spdx.validation.document_validator import validate_full_spdx_document

from ops.deploy.sbom import IMAGE_PYTHON, of_the_image, write
from tests.unit.deploy.files import DEPLOY, ROOT


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
    assert told == {ours: version(ours)} | of_the_image((ROOT / "requirements.lock").read_text("utf-8"))
    assert [p.name for p in document.packages if str(p.license_declared) in {"None", "NOASSERTION"}] == []


def test_it_is_the_images_python_whose_packages_are_named() -> None:
    image = re.findall(r"^FROM python:(\d+\.\d+)-slim", (DEPLOY / "Dockerfile").read_text("utf-8"), re.MULTILINE)
    assert set(image) == {IMAGE_PYTHON}
    older, newer = 'one==1.0 ; python_full_version < "3.13"', 'one==2.0 ; python_full_version >= "3.13"'
    lock = "".join(f"{pin} \\\n" for pin in (older, newer, 'two==3.0 ; sys_platform == "win32"'))
    assert of_the_image(lock) == {"one": "2.0"}
