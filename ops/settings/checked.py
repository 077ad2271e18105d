"""Loading settings for a command: all problems at once, those of addresses and of a file of rules included."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TypeVar

from pydantic import SecretStr

from ops.settings.ignored_names import warn_of_ignored_names
from schema.runtime.given import FILES, given_by_people
from schema.runtime.old_names import differences
from schema.runtime.settings import (
    LogDatabaseSettings,
    Settings,
    SettingsError,
    SourceDatabaseSettings,
    load,
    setting_name,
)
from sender.settings import RuleSettings, SenderSettings

S = TypeVar("S", bound=Settings)

_DATABASES: tuple[type[Settings], ...] = (LogDatabaseSettings, SourceDatabaseSettings)


def load_checked(kind: type[S]) -> S:
    """Read settings of this class, addresses and rules included, and warn of names that mean nothing.

    Raises:
        SettingsError: naming every problem, without values.
    """
    warn_of_ignored_names()
    return read(kind)


def read(kind: type[S], *, env_file: str | tuple[str, ...] | None = FILES, **values: object) -> S:
    """Read settings of this class without a warning; `values` as of `load`. Errors: as `load_checked`."""
    problems = [p for part in _DATABASES if issubclass(kind, part) for p in _address_problems(part, env_file, values)]
    if issubclass(kind, RuleSettings):
        problems += _rule_problems(env_file, values)
    if issubclass(kind, SenderSettings):
        problems += _proxy_problems()
    problems += _said_twice(kind, env_file, values)
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
    from sender.runs.databases.database import address_problem  # noqa: PLC0415 - others need no PostgreSQL

    settings = _part(part, env_file, values)
    if settings is None:
        return
    for field in part.model_fields:
        if isinstance(url := getattr(settings, field), SecretStr) and (
            problem := address_problem(url, setting_name(field))
        ):
            yield problem


def _said_twice(
    kind: type[Settings], env_file: str | tuple[str, ...] | None, values: Mapping[str, object]
) -> list[str]:
    """Return what settings of this class the original's names give otherwise than ours."""
    try:
        given = given_by_people(env_file)
    except UnicodeDecodeError:
        return []  # loading says it
    return differences(given, map(setting_name, kind.model_fields.keys() - values.keys()))


def _proxy_problems() -> Iterator[str]:
    """Yield what is wrong with the proxy, which all programs read from the environment."""
    from sender.graph.http.proxy import ProxySettings  # noqa: PLC0415 - a sender's matter

    try:
        ProxySettings.from_environment()
    except ValueError as exc:
        yield str(exc)


def _rule_problems(env_file: str | tuple[str, ...] | None, values: Mapping[str, object]) -> list[str]:
    """Return what is wrong with the rules, also when other settings of the service are wrong."""
    from sender.rules import rule_table  # noqa: PLC0415 - a sender's matter

    settings = _part(RuleSettings, env_file, values)
    if settings is None:
        return []
    try:
        rule_table.load(settings.rules_file, settings.circuit_breaker_threshold, settings.circuit_breaker_cooldown_ms)
    except SettingsError as exc:
        return exc.problems
    return []


def _part(part: type[S], env_file: str | tuple[str, ...] | None, values: Mapping[str, object]) -> S | None:
    """Return those settings of a service that a part of it needs, None when the service's own settings will say it."""
    try:
        return load(part, env_file=env_file, **{name: values[name] for name in values if name in part.model_fields})
    except SettingsError:
        return None


def problems_of(kinds: Iterable[type[Settings]]) -> list[str]:
    """Return what is wrong with the settings of all these classes, each problem once."""
    problems: dict[str, None] = {}
    for kind in kinds:
        try:
            read(kind)
        except SettingsError as exc:
            problems |= dict.fromkeys(exc.problems)
    return list(problems)
