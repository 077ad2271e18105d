"""Loading settings for a command: all problems at once, and warnings about names that mean nothing."""

from __future__ import annotations

import os
from collections.abc import Iterable
from difflib import get_close_matches
from typing import TypeVar

import structlog
from dotenv import dotenv_values
from pydantic import AliasChoices, SecretStr
from redis.asyncio.connection import parse_url

from ingest.settings import IngestSettings
from ops.api.settings import ApiSettings
from schema.runtime.settings import ENV_FILE, Settings, SettingsError, load, setting_name
from sender.runs.database import check_address
from sender.runs.settings import RunsSettings
from sender.settings import SenderSettings

log = structlog.get_logger()

S = TypeVar("S", bound=Settings)

SERVICES: dict[str, type[Settings]] = {
    "runs": RunsSettings,
    "sender": SenderSettings,
    "ingest": IngestSettings,
    "api": ApiSettings,
}
"""Every service and its settings, in the order of a message's way."""

_DEBUG = "NEWAR_DEBUG"
_ALIKE = 0.85


def load_checked(kind: type[S]) -> S:
    """Read settings of this class, addresses included, and warn of names that mean nothing.

    Raises:
        SettingsError: naming every problem, without values.
    """
    warn_of_ignored_names()
    return read(kind)


def warn_of_ignored_names() -> None:
    """Log a line for each kind of name in the environment or the `.env` file that means nothing."""
    for warning in ignored_names():
        log.warning("settings_ignored", detail=warning)


def read(kind: type[S]) -> S:
    """Read settings of this class without a warning. Errors: as `load_checked`."""
    settings = load(kind)
    check_addresses(settings)
    return settings


def problems_of(kinds: Iterable[type[Settings]]) -> list[str]:
    """Return what is wrong with the settings of all these classes, each problem once."""
    problems: dict[str, None] = {}
    for kind in kinds:
        try:
            read(kind)
        except SettingsError as exc:
            problems |= dict.fromkeys(exc.problems)
    return list(problems)


def ignored_names() -> list[str]:
    """Return the warnings about this process's environment and `.env` file."""
    return warnings_about(list(os.environ), list(dotenv_values(ENV_FILE)))


def known_names() -> set[str]:
    """Return every name that some settings class reads."""
    return {name for kind in SERVICES.values() for field in kind.model_fields for name in names_of(kind, field)}


def names_of(kind: type[Settings], field: str) -> list[str]:
    """Return the names of a field in the environment, the first one to be preferred."""
    alias = kind.model_fields[field].validation_alias
    return [str(c) for c in alias.choices] if isinstance(alias, AliasChoices) else [setting_name(kind, field)]


def warnings_about(environment: Iterable[str], env_file: Iterable[str]) -> list[str]:
    """Return a warning for each kind of name that means nothing here. Pure.

    Args:
        environment: names in the process's environment, where most belong to other programs.
        env_file: names in the `.env` file, which all should mean something.
    """
    known = known_names()
    outside = {name.upper() for name in environment}
    inside = {name.upper() for name in env_file}
    foreign = (outside | inside) - known - {_DEBUG}
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


def check_addresses(settings: Settings) -> None:
    """Refuse addresses that the libraries cannot read; their own errors would show pieces of the password.

    Raises:
        SettingsError: naming every such setting.
    """
    problems: list[str] = []
    for field in type(settings).model_fields:
        value, name = getattr(settings, field), setting_name(type(settings), field)
        if not (field.endswith("_url") and isinstance(value, SecretStr)):
            continue
        try:
            _check_redis(value, name) if field == "redis_url" else check_address(value, name)
        except SettingsError as exc:
            problems += exc.problems
    if problems:
        raise SettingsError(problems)


def _check_redis(url: SecretStr, name: str) -> None:
    try:
        parse_url(url.get_secret_value())
    except ValueError:
        problem = f"{name}: cannot be read as an address; % @ : / # in the password are written %25 %40 %3A %2F %23"
        raise SettingsError([problem]) from None
