"""The libraries for the browser are what the list beside them says, each with its licence."""

from __future__ import annotations

import tomllib

from ops.deploy.assets import LIST, VENDOR, digest
from tests.unit.deploy.files import ROOT

FOLDER = ROOT / VENDOR


def test_every_file_is_listed_with_package_version_licence_and_digest() -> None:
    packages = tomllib.loads((FOLDER / LIST).read_text("utf-8"))["package"]
    assert all(package["version"] and package["licence"] for package in packages)
    listed = {name: entry["sha256"] for package in packages for name, entry in package["files"].items()}
    assert listed == {file.name: digest(file) for file in FOLDER.iterdir() if file.name != LIST}
    assert all(any(entry["from"] == "LICENSE" for entry in package["files"].values()) for package in packages)


def test_renewing_takes_no_version_beyond_the_range() -> None:
    for package in tomllib.loads((FOLDER / LIST).read_text("utf-8"))["package"]:
        assert package["version"].split(".")[0] == package["take"].split(".")[0]
