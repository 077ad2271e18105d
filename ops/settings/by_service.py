"""The services and their settings classes."""

from __future__ import annotations

from ingest.settings import IngestSettings
from ops.api.settings import ApiSettings
from schema.runtime.settings import Settings
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
