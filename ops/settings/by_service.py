"""The services, their settings classes, and the names by which these are set."""

from __future__ import annotations

from pydantic import AliasChoices

from ingest.settings import IngestSettings
from ops.api.settings import ApiSettings
from schema.runtime.settings import Settings, setting_name
from sender.runs.settings import RunsSettings
from sender.settings import SenderSettings, TestSettings

SERVICES: dict[str, type[Settings]] = {
    "runs": RunsSettings,
    "sender": SenderSettings,
    "ingest": IngestSettings,
    "api": ApiSettings,
}
"""Every service and its settings, in the order of a message's way."""

BY_HAND: dict[str, type[Settings]] = {"run test": TestSettings}
"""Settings that only a command reads."""


def names_of(kind: type[Settings], field: str) -> list[str]:
    """Return the names of a field in the environment, the first one to be preferred."""
    alias = kind.model_fields[field].validation_alias
    return [str(c) for c in alias.choices] if isinstance(alias, AliasChoices) else [setting_name(kind, field)]
