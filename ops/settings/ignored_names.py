"""Names in the environment and the `.env` file that mean nothing here, and what was perhaps meant."""

from __future__ import annotations

import os
from collections.abc import Iterable
from difflib import get_close_matches

import structlog
from dotenv import dotenv_values

from ops.settings.by_service import BY_HAND, SERVICES, names_of
from schema.runtime.settings import ENV_FILE
from schema.runtime.text_files import UTF8

log = structlog.get_logger()

_DEBUG = "NEWAR_DEBUG"
_OF_COMPOSE = {"POSTGRES_PASSWORD", "HTTPS_PROXY", "NO_PROXY"}
"""What the compose file reads besides: no setting, and no mistake in `.env`."""
_ALIKE = 0.85


def warn_of_ignored_names() -> None:
    """Log a line for each kind of name in the environment or the `.env` file that means nothing."""
    for warning in ignored_names():
        log.warning("settings_ignored", detail=warning)


def ignored_names() -> list[str]:
    """Return the warnings about this process's environment and `.env` file; others tell of one that cannot be read."""
    try:
        inside = list(dotenv_values(ENV_FILE, encoding=UTF8))
    except UnicodeDecodeError:
        inside = []
    return warnings_about(list(os.environ), inside)


def known_names() -> set[str]:
    """Return every name that some settings class reads."""
    kinds = [*SERVICES.values(), *BY_HAND.values()]
    return {name for kind in kinds for field in kind.model_fields for name in names_of(kind, field)}


def warnings_about(environment: Iterable[str], env_file: Iterable[str]) -> list[str]:
    """Return a warning for each kind of name that means nothing here. Pure.

    Args:
        environment: names in the process's environment, where most belong to other programs.
        env_file: names in the `.env` file, which all should mean something.
    """
    known = known_names()
    outside = {name.upper() for name in environment}
    inside = {name.upper() for name in env_file}
    foreign = (outside | inside) - known - _OF_COMPOSE - {_DEBUG}
    old = {name for name in foreign if name == "NODE_ENV" or name.startswith("SUPABASE_")}
    meant = {name: near[0] for name in foreign - old if (near := _alike(name, known - outside - inside))}
    unknown = (inside & foreign) - old - set(meant)
    warnings = [f"{name} is unknown: did you mean {near}?" for name, near in sorted(meant.items())]
    if old:
        warnings.append(f"{_listed(old)}: of the former application, not used here; see docs/settings.md")
    if unknown:
        warnings.append(f"{_listed(unknown)}: unknown name in {ENV_FILE}, not used here; see docs/settings.md")
    return warnings


def _alike(name: str, known: set[str]) -> list[str]:
    """Return the known name most like this one. Those that are set are left out: they are not misspelt."""
    return get_close_matches(name, sorted(known), n=1, cutoff=_ALIKE)


def _listed(names: set[str]) -> str:
    return ", ".join(sorted(names))
