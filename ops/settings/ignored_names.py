"""Names in the environment and the `.env` file that mean nothing here, what was perhaps meant, and the original's."""

from __future__ import annotations

import os
from collections.abc import Iterable
from difflib import get_close_matches

import structlog
from dotenv import dotenv_values

from ops.settings.by_service import BY_HAND, SERVICES
from schema.runtime.given import ENV_FILE
from schema.runtime.old_names import OLD_NAMES, unused
from schema.runtime.settings import setting_name
from schema.runtime.text_files import UTF8

log = structlog.get_logger()

_DEBUG = "NEWAR_DEBUG"
_OF_COMPOSE = {
    "POSTGRES_PASSWORD",
    "HTTPS_PROXY",
    "NO_PROXY",
    "COMPOSE_FILE",
    "COMPOSE_PROFILES",
    "COMPOSE_PROJECT_NAME",
}
_OF_COMPOSE |= {"GRAFANA_ADMIN_PASSWORD", "GRAFANA_PORT", "PROMETHEUS_PORT", "PROMETHEUS_RETENTION"}
"""What Compose and its files read besides: no setting, and no mistake in `.env`."""
_ITS_OWN = {"SERVICE_TYPE", "SUPABASE_URL", "SUPABASE_SERVICE_ROLE_KEY"}
"""An environment with one of these is the original's; else most of its names belong to other programs."""
_ALIKE = 0.85


def warn_of_ignored_names() -> None:
    """Log a line for each kind of name in the environment or the `.env` file that means nothing."""
    environment, inside = _here()
    for warning in warnings_about(environment, inside):
        log.warning("settings_ignored", detail=warning)
    _, without_use = of_the_original(environment, inside)
    if without_use:
        detail = f"{_listed(without_use)}: of the original, not used here; newar doctor says what becomes of each"
        log.warning("settings_ignored", detail=detail)


def warn_of_each_name() -> None:
    """Log the same, with a line for each of the original's names."""
    environment, inside = _here()
    _, without_use = of_the_original(environment, inside)
    for warning in [*warnings_about(environment, inside), *map(about_old, without_use)]:
        log.warning("settings_ignored", detail=warning)


def ignored_names() -> list[str]:
    """Return the warnings about this process's environment and `.env` file, without the original's names."""
    return warnings_about(*_here())


def old_names_here() -> tuple[list[str], list[str]]:
    """Return the original's names in this process's environment and `.env` file: as `of_the_original`."""
    return of_the_original(*_here())


def about_old(name: str) -> str:
    """Return what everybody says of one of the original's names."""
    return f"{name}: {OLD_NAMES[name].text}"


def known_names() -> set[str]:
    """Return every name that some settings class reads."""
    kinds = [*SERVICES.values(), *BY_HAND.values()]
    return {setting_name(field) for kind in kinds for field in kind.model_fields}


def warnings_about(environment: Iterable[str], env_file: Iterable[str]) -> list[str]:
    """Return a warning for each kind of name that means nothing here and was nothing to the original. Pure.

    Args:
        environment: names in the process's environment, where most belong to other programs.
        env_file: names in the `.env` file, which all should mean something.
    """
    known = known_names()
    outside, inside = _in_capitals(environment), _in_capitals(env_file)
    foreign = (outside | inside) - known - OLD_NAMES.keys() - _OF_COMPOSE - {_DEBUG}
    meant = {name: near[0] for name in foreign if (near := _alike(name, known - outside - inside))}
    unknown = (inside & foreign) - set(meant)
    warnings = [f"{name} is unknown: did you mean {near}?" for name, near in sorted(meant.items())]
    if unknown:
        warnings.append(f"{_listed(unknown)}: unknown name in {ENV_FILE}, not used here; see docs/settings.md")
    return warnings


def of_the_original(environment: Iterable[str], env_file: Iterable[str]) -> tuple[list[str], list[str]]:
    """Return the original's names that something is read from, and those that have no use, in its order. Pure.

    Args: as `warnings_about`. Names of the environment that have no use count where it is the original's.
    """
    outside, inside = _in_capitals(environment), _in_capitals(env_file)
    without_use = unused(dict.fromkeys(outside | inside, ""))
    used = [name for name in OLD_NAMES if name in outside | inside and name not in (*without_use, *known_names())]
    meant_for_us = outside | inside if outside & _ITS_OWN else inside
    return used, [name for name in without_use if name in meant_for_us and name not in _OF_COMPOSE]


def _here() -> tuple[list[str], list[str]]:
    """Return names in this process's environment and the `.env` file; others tell of one that cannot be read."""
    try:
        inside = [name for name, value in dotenv_values(ENV_FILE, encoding=UTF8).items() if value != ""]
    except UnicodeDecodeError:
        inside = []
    return [name for name, value in os.environ.items() if value], inside


def _in_capitals(names: Iterable[str]) -> set[str]:
    return {name.upper() for name in names}


def _alike(name: str, known: set[str]) -> list[str]:
    """Return the known name most like this one. Those that are set are left out: they are not misspelt."""
    return get_close_matches(name, sorted(known), n=1, cutoff=_ALIKE)


def _listed(names: Iterable[str]) -> str:
    return ", ".join(sorted(names))
