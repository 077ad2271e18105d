"""Loading settings for a command: all problems at once, and warnings about names that mean nothing."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from difflib import get_close_matches
from typing import TypeVar

import structlog
from dotenv import dotenv_values
from pydantic import AliasChoices, SecretStr

from ingest.settings import IngestSettings
from ops.api.settings import ApiSettings
from schema.runtime.settings import (
    ENV_FILE,
    FILES,
    LogDatabaseSettings,
    Settings,
    SettingsError,
    SourceDatabaseSettings,
    load,
    setting_name,
)
from sender.runs.databases.database import address_problem
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

_DATABASES: tuple[type[Settings], ...] = (LogDatabaseSettings, SourceDatabaseSettings)
_DEBUG = "NEWAR_DEBUG"
_OF_COMPOSE = {"POSTGRES_PASSWORD", "HTTPS_PROXY", "NO_PROXY"}
"""What the compose file reads besides: no setting, and no mistake in `.env`."""
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


def read(kind: type[S], *, env_file: str | tuple[str, ...] | None = FILES, **values: object) -> S:
    """Read settings of this class without a warning; `values` as of `load`. Errors: as `load_checked`."""
    problems = [p for part in _DATABASES if issubclass(kind, part) for p in _address_problems(part, env_file, values)]
    try:
        settings = load(kind, env_file=env_file, **values)
    except SettingsError as exc:
        raise SettingsError([*exc.problems, *problems]) from None
    if problems:
        raise SettingsError(problems)
    return settings


def _address_problems(
    part: type[Settings], env_file: str | tuple[str, ...] | None, values: Mapping[str, object]
) -> Iterator[str]:
    """Yield what the library says of the addresses, also when other settings of the service are wrong."""
    try:
        settings = load(part, env_file=env_file, **{name: values[name] for name in values if name in part.model_fields})
    except SettingsError:
        return  # the service's own settings say it
    for field in part.model_fields:
        if isinstance(url := getattr(settings, field), SecretStr) and (
            problem := address_problem(url, setting_name(part, field))
        ):
            yield problem


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
