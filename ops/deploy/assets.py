"""Libraries for the browser, as files of npm packages: what VENDORED.toml names is brought, and written back into it.

python -m ops.deploy.assets
"""

from __future__ import annotations

import hashlib
import json
import subprocess
import tarfile
import tempfile
import tomllib
from pathlib import Path
from typing import Any

VENDOR = Path("ops/api/cockpit/static/vendor")
LIST = "VENDORED.toml"
_HEADING = """\
# What these files are: parts of npm packages, brought here and renewed by `nox -s assets`, which writes this list.
# `take` is the range of versions that it may take the newest of.
"""


def renew(folder: Path = VENDOR) -> None:
    """Bring the newest version that each package's range allows, and write the list of what came.

    Raises:
        subprocess.CalledProcessError: when npm cannot fetch a package.
        KeyError: when a package has no such file.
    """
    text = _HEADING
    for package in tomllib.loads((folder / LIST).read_text())["package"]:
        with tempfile.TemporaryDirectory() as place:
            archive = _fetch(f"{package['name']}@{package['take']}", Path(place))
            about = json.loads(_read(archive, "package.json"))
            files = {name: entry["from"] for name, entry in package["files"].items()}
            for name, member in files.items():
                (folder / name).write_bytes(_read(archive, member))
        text += _entry(package | {"version": about["version"], "licence": about["license"]}, files, folder)
    (folder / LIST).write_text(text)


def digest(file: Path) -> str:
    """Return a file's SHA-256 as the list has it."""
    return hashlib.sha256(file.read_bytes()).hexdigest()


def _fetch(what: str, place: Path) -> Path:
    command = ["npm", "pack", what, "--json", "--pack-destination", str(place)]
    subprocess.run(command, check=True, capture_output=True)  # noqa: S603 - of our own list
    (archive,) = place.glob("*.tgz")
    return archive


def _read(archive: Path, member: str) -> bytes:
    with tarfile.open(archive) as opened:
        found = opened.extractfile(f"package/{member}")
        if found is None:
            raise KeyError(member)
        return found.read()


def _entry(package: dict[str, Any], files: dict[str, str], folder: Path) -> str:
    lines = ["", "[[package]]"]
    lines += [f'{name} = "{package[name]}"' for name in ("name", "take", "version", "licence")]
    lines += ["[package.files]"]
    lines += [
        f'"{name}" = {{ from = "{member}", sha256 = "{digest(folder / name)}" }}' for name, member in files.items()
    ]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    renew()
