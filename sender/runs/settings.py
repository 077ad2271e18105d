"""What the run processor is told by its environment."""

from __future__ import annotations

from pydantic import Field

from schema.runtime.settings import (
    LogDatabaseSettings,
    RedisSettings,
    SourceDatabaseSettings,
    TokenSettings,
    WindowSettings,
)


class RunsSettings(RedisSettings, LogDatabaseSettings, SourceDatabaseSettings, TokenSettings, WindowSettings):
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
