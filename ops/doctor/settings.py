"""Settings of all services: what is missing or malformed, what means nothing, who can read the file."""

from __future__ import annotations

import platform
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TypeVar

from ops.doctor.finding import Finding, judged
from ops.settings.by_service import SERVICES
from ops.settings.checked import problems_of, read
from ops.settings.dollar_signs import read_differently
from ops.settings.ignored_names import about_old, ignored_names, old_names_here
from schema.runtime.given import ENV_FILE
from schema.runtime.old_names import THE_GUIDE
from schema.runtime.settings import Settings, SettingsError
from schema.runtime.text_files import UTF8
from schema.runtime.version import version

S = TypeVar("S", bound=Settings)

_OLDEST, _TOO_NEW = (3, 11), (3, 14)


def check_settings() -> list[Finding]:
    """Return a finding for each problem, or one that all is well."""
    problems = [Finding("settings", "fail", problem) for problem in problems_of(SERVICES.values())]
    found = problems or [Finding("settings", "ok", f"complete for {', '.join(SERVICES)}")]
    return [
        *found,
        *(Finding("settings", "warn", text) for text in ignored_names()),
        *_old_names(),
        *_dollars(),
        *_file(),
    ]


def _old_names() -> list[Finding]:
    used, without_use = old_names_here()
    findings = [Finding("settings", "ok", about_old(name)) for name in used]
    findings += [Finding("settings", "warn", about_old(name)) for name in without_use]
    guide = f"names of the original are set; what there is to do for moving over stands in {THE_GUIDE}"
    return [*findings, Finding("settings", "ok", guide)] if findings else []


def _dollars() -> list[Finding]:
    try:
        names = read_differently(Path(ENV_FILE).read_text(UTF8))
    except (OSError, UnicodeDecodeError):
        return []
    text = f"{', '.join(names)}: Compose reads a $ of it in {ENV_FILE} otherwise than Newar"
    mend = "put the value into single quotes, without ${ in it; in an address write %24 for $"
    return [Finding("settings", "warn", text, mend)] if names else []


def of_kind(kind: type[S]) -> S | None:
    """Return settings of a class; None when they are incomplete, which `check_settings` tells."""
    try:
        return read(kind)
    except SettingsError:
        return None


def check_program() -> list[Finding]:
    """Check the versions of this program and of Python."""
    return [_python(sys.version_info[:2], version() or "not installed, run from its folder")]


def _python(running: Sequence[int], ours: str) -> Finding:
    return judged(
        "versions",
        _OLDEST <= tuple(running) < _TOO_NEW,
        f"newar {ours}, Python {platform.python_version()}",
        otherwise=f"Python {platform.python_version()} is not supported",
        mend="use Python 3.11, 3.12 or 3.13",
        status="fail",
    )


def _file() -> list[Finding]:
    try:
        mode = Path(ENV_FILE).stat().st_mode
    except OSError:
        return []
    good, mend = not mode & 0o077, f"chmod 600 {ENV_FILE}"
    read = f"other users of this machine may read {ENV_FILE}"
    text = f"only its owner reads {ENV_FILE}"
    return [judged("permissions", good, text, otherwise=read, mend=mend, status="warn")]
