"""What the image's Python consists of, as SPDX 2.3: what the lock file names, and what that says of itself.

python -m ops.deploy.sbom dist/newar.spdx.json
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import Any
from uuid import uuid4

from packaging.requirements import Requirement

_PROJECT = "newar-message-sender"
_LOCK = "requirements.lock"
IMAGE_PYTHON = "3.13"
"""Of ops/deploy/Dockerfile: the lock file names other versions for other Pythons."""
_SPDX_EXPRESSION = re.compile(r"[\w.+-]+( (OR|AND) [\w.+-]+)*")
_OTHER_WORDS = {"PSFL": "PSF-2.0"}
"""What packages call a licence that SPDX calls otherwise."""
_CLASSIFIERS = {
    "MIT License": "MIT",
    "Apache Software License": "Apache-2.0",
    "BSD License": "BSD-3-Clause",  # it does not say which; those that say no more than this are under this one
    "ISC License (ISCL)": "ISC",
    "Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
}


def of_the_image(lock: str) -> dict[str, str]:
    """Return what a lock file gives the image's Python on Linux: name -> version."""
    machine = {"python_version": IMAGE_PYTHON, "python_full_version": f"{IMAGE_PYTHON}.0", "sys_platform": "linux"}
    pins = map(Requirement, re.findall(r"^(\w.*?) \\$", lock, re.MULTILINE))
    return {
        pin.name: str(pin.specifier).removeprefix("==")
        for pin in pins
        if pin.marker is None or pin.marker.evaluate(machine | {"platform_system": "Linux", "os_name": "posix"})
    }


def license_of(name: str) -> str:
    """Return the SPDX expression of a package's licence, from the clearest place where it is given.

    It is read from the package as it is installed here, which may be another version than the image has.
    """
    try:
        about = distribution(name).metadata.json
    except PackageNotFoundError:
        return "NOASSERTION"
    if expression := about.get("license_expression"):
        return str(expression)
    if _SPDX_EXPRESSION.fullmatch(text := str(about.get("license", ""))):
        return _OTHER_WORDS.get(text, text)
    given = [classifier.rpartition(" :: ")[2] for classifier in about.get("classifier", ())]
    return " OR ".join(_CLASSIFIERS[name] for name in given if name in _CLASSIFIERS) or "NOASSERTION"


def document(packages: Mapping[str, str]) -> dict[str, Any]:
    """Return the SPDX document of the project and the packages that it is installed with."""
    version = distribution(_PROJECT).version
    title = f"{_PROJECT}-{version}"
    return {
        "spdxVersion": "SPDX-2.3",
        "dataLicense": "CC0-1.0",
        "SPDXID": "SPDXRef-DOCUMENT",
        "name": title,
        "documentNamespace": f"https://spdx.org/spdxdocs/{title}-{uuid4()}",
        "creationInfo": {"created": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}", "creators": [f"Tool: {title}"]},
        "packages": [_package(name, each) for name, each in ({_PROJECT: version} | dict(packages)).items()],
        "relationships": [
            _relationship("SPDXRef-DOCUMENT", "DESCRIBES", _id(_PROJECT)),
            *(_relationship(_id(_PROJECT), "DEPENDS_ON", _id(name)) for name in packages),
        ],
    }


def _id(name: str) -> str:
    return f"SPDXRef-{name}"


def _package(name: str, version: str) -> dict[str, Any]:
    purl = f"pkg:pypi/{name}@{version}"
    return {
        "SPDXID": _id(name),
        "name": name,
        "versionInfo": version,
        "downloadLocation": "NOASSERTION",
        "filesAnalyzed": False,
        "licenseDeclared": license_of(name),
        "externalRefs": [
            {"referenceCategory": "PACKAGE-MANAGER", "referenceType": "purl", "referenceLocator": purl},
        ],
    }


def _relationship(one: str, kind: str, other: str) -> dict[str, str]:
    return {"spdxElementId": one, "relationshipType": kind, "relatedSpdxElement": other}


def write(file: Path) -> None:
    """Write the document to a file, whose folder is made."""
    content = document(of_the_image(Path(_LOCK).read_text("utf-8")))
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(content, indent=2) + "\n", "utf-8")


if __name__ == "__main__":
    write(Path(sys.argv[1]))
