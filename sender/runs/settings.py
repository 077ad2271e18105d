"""What the run processor is told by its environment."""

from __future__ import annotations

from pydantic import Field, field_validator

from schema.runtime.settings import (
    LogDatabaseSettings,
    RedisSettings,
    Settings,
    SourceDatabaseSettings,
    TokenSettings,
    WindowSettings,
)
from schema.runtime.trace_settings import TraceSettings
from sender.message.form.form_rules import unknown_rules
from sender.runs.webhooks.settings import WebhookSettings


class MessageRulesSettings(Settings):
    """Which rules of a message's form count; the run processor and who submits must agree."""

    message_rules_off: str | None = Field(
        default=None,
        description="[rules of a message's form](message-rules.md) that do not count; several with commas between",
        examples=["button-title,quick-reply-title"],
    )

    @field_validator("message_rules_off")
    @classmethod
    def _known(cls, value: str | None) -> str | None:
        if problem := unknown_rules(_names(value)):
            raise ValueError(problem)
        return value

    @property
    def rules_off(self) -> frozenset[str]:
        """Their names."""
        return _names(self.message_rules_off)


def _names(value: str | None) -> frozenset[str]:
    return frozenset(name for part in (value or "").split(",") if (name := part.strip()))


class RunsSettings(
    RedisSettings,
    LogDatabaseSettings,
    SourceDatabaseSettings,
    TokenSettings,
    WindowSettings,
    MessageRulesSettings,
    WebhookSettings,
    TraceSettings,
):
    """Settings of `newar runs`."""

    poll_interval_ms: int = Field(
        default=10_000, ge=50, le=3_600_000, description="how often the source is looked at", examples=[10_000]
    )
    enqueue_chunk: int = Field(
        default=5_000,
        ge=1,
        le=100_000,
        description="recipients read and enqueued in one step; bounds the memory that a run of any size takes",
        examples=[5_000],
    )
    source_empty_run_grace_ms: int = Field(
        default=600_000,
        ge=0,
        le=86_400_000,
        description="how long a run waits for recipients that cannot be seen (none, or fewer than its source says "
        "there are) before it is refused",
        examples=[600_000],
    )
    drain_timeout_ms: int = Field(
        default=30_000, ge=0, le=3_600_000, description="how long a stop may take", examples=[30_000]
    )
