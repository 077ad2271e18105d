"""Where what is shown comes from."""

from __future__ import annotations

from pydantic import Field

from schema.runtime.setting_types import KAFKA_EXAMPLE, LOG_DATABASE_EXAMPLE, KafkaServers, PostgresUrl
from schema.runtime.settings import (
    KafkaSettings,
    LogDatabaseSettings,
    RedisSettings,
    SourceDatabaseSettings,
    WindowSettings,
)
from sender.runs.settings import MessageRulesSettings


class RecipientsSettings(LogDatabaseSettings, SourceDatabaseSettings):
    """The log database, which has submitted recipients too, and the source."""


class BoardSettings(RedisSettings, KafkaSettings, RecipientsSettings, WindowSettings, MessageRulesSettings):
    """Redis is required; broker and databases are optional here: checks, the run history and dry runs use them."""

    kafka_bootstrap_servers: KafkaServers | None = Field(  # type: ignore[assignment]  # optional here
        default=None,
        description="Redpanda or Kafka that carries the log; unset: not checked",
        examples=[KAFKA_EXAMPLE],
    )
    log_database_url: PostgresUrl | None = Field(  # type: ignore[assignment]  # optional here
        default=None,
        description="PostgreSQL with the log; unset: not checked, only runs still in the queue are shown",
        examples=[LOG_DATABASE_EXAMPLE],
    )
