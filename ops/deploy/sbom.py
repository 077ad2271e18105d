"""What the image's Python consists of, as SPDX 2.3: what the lock file names, and what that says of itself.

python -m ops.deploy.sbom dist/newar.spdx.json
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path
from typing import Any
from uuid import uuid4

_PROJECT = "newar-message-sender"
_LOCK = "requirements.lock"
IMAGE_PYTHON = (3, 13)
"""Of ops/deploy/Dockerfile: the lock file names other versions for other Pythons."""
_SPDX_EXPRESSION = re.compile(r"[\w.+-]+( (OR|AND) [\w.+-]+)*")
_CLASSIFIERS = {
    "MIT License": "MIT",
    "Apache Software License": "Apache-2.0",
    "BSD License": "BSD-3-Clause",  # it does not say which; those that say no more than this are under this one
    "ISC License (ISCL)": "ISC",
    "Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
}


def installed(lock: str) -> dict[str, Distribution]:
    """Return the packages that a lock file names, by name; those that are for other platforms are not installed."""
    found = {}
    for name in re.findall(r"^([\w-]+)==", lock, re.MULTILINE):
        with suppress(PackageNotFoundError):
            found[name] = distribution(name)
    return found


def license_of(package: Distribution) -> str:
    """Return the SPDX expression of a package's licence, from the clearest place where it is given."""
    about = package.metadata.json
    if expression := about.get("license_expression"):
        return str(expression)
    if _SPDX_EXPRESSION.fullmatch(text := str(about.get("license", ""))):
        return text
    given = [classifier.rpartition(" :: ")[2] for classifier in about.get("classifier", ())]
    return " OR ".join(_CLASSIFIERS[name] for name in given if name in _CLASSIFIERS) or "NOASSERTION"


def document(packages: Mapping[str, Distribution]) -> dict[str, Any]:
    """Return the SPDX document of the project and the packages that it is installed with."""
    project = distribution(_PROJECT)
    title = f"{_PROJECT}-{project.version}"
    return {
        "spdxVersion": "SPDX-2.3",
        "dataLicense": "CC0-1.0",
        "SPDXID": "SPDXRef-DOCUMENT",
        "name": title,
        "documentNamespace": f"https://spdx.org/spdxdocs/{title}-{uuid4()}",
        "creationInfo": {"created": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}", "creators": [f"Tool: {title}"]},
        "packages": [_package(name, each) for name, each in ({_PROJECT: project} | dict(packages)).items()],
        "relationships": [
            _relationship("SPDXRef-DOCUMENT", "DESCRIBES", _id(_PROJECT)),
            *(_relationship(_id(_PROJECT), "DEPENDS_ON", _id(name)) for name in packages),
        ],
    }


def _id(name: str) -> str:
    return f"SPDXRef-{name}"


def _package(name: str, package: Distribution) -> dict[str, Any]:
    purl = f"pkg:pypi/{name}@{package.version}"
    return {
        "SPDXID": _id(name),
        "name": name,
        "versionInfo": package.version,
        "downloadLocation": "NOASSERTION",
        "filesAnalyzed": False,
        "licenseDeclared": license_of(package),
        "externalRefs": [
            {"referenceCategory": "PACKAGE-MANAGER", "referenceType": "purl", "referenceLocator": purl},
        ],
    }


def _relationship(one: str, kind: str, other: str) -> dict[str, str]:
    return {"spdxElementId": one, "relationshipType": kind, "relatedSpdxElement": other}


def write(file: Path) -> None:
    """Write the document to a file, whose folder is made."""
    content = document(installed(Path(_LOCK).read_text("utf-8")))
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(content, indent=2) + "\n", "utf-8")


def refuse_another_python(running: Sequence[int]) -> None:
    """Raise SystemExit where this is not the Python that the image has."""
    if tuple(running[:2]) != IMAGE_PYTHON:
        wanted = ".".join(map(str, IMAGE_PYTHON))
        raise SystemExit(f"the image has Python {wanted}, with other packages than this one: nox -s sbom takes that")


if __name__ == "__main__":
    refuse_another_python(sys.version_info[:2])
    write(Path(sys.argv[1]))
