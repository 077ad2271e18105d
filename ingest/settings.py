"""The settings of the ingest service."""

from __future__ import annotations

from pydantic import Field

from schema.runtime.settings import KafkaSettings, LogDatabaseSettings, RedisSettings
from schema.runtime.trace_settings import TraceSettings


class IngestSettings(RedisSettings, KafkaSettings, LogDatabaseSettings, TraceSettings):
    """What `newar ingest` reads. Redis only gets figures and committed offsets; rows are written without it."""

    log_batch_size: int = Field(
        default=200,
        ge=1,
        le=20_000,
        description="rows that trigger a write to the log database; a busy ingest writes far larger batches",
        examples=[200],
    )
    log_batch_interval_ms: int = Field(
        default=2000,
        ge=10,
        le=60_000,
        description="ms after which a smaller batch is written too",
        examples=[2000],
    )
    dead_letter_stop_share: float = Field(
        default=0.05,
        ge=0.0,
        le=1.0,
        description="share of the last events, at least 200 of them, that may be refused; beyond it the ingest stops "
        "before it buries more (1: never)",
        examples=[0.05],
    )
    log_retention_days: int = Field(
        default=7,
        ge=1,
        le=3650,
        description="days after which a day's partition of the log is dropped",
        examples=[7],
    )
    log_partitions_ahead: int = Field(
        default=30,
        ge=1,
        le=366,
        description="days for which partitions are made ahead",
        examples=[30],
    )
    submitted_retention_days: int = Field(
        default=90,
        ge=1,
        le=3650,
        description="days after the end of a submitted run, and its retries, after which its recipients are deleted",
        examples=[90],
    )
    dead_letter_retention_days: int = Field(
        default=30,
        ge=1,
        le=3650,
        description="days after which messages that could not become rows are deleted",
        examples=[30],
    )
    figures_retention_days: int = Field(
        default=400,
        ge=1,
        le=3650,
        description="days after which the log's figures of runs and pages are deleted",
        examples=[400],
    )
    drain_timeout_ms: int = Field(
        default=30_000,
        ge=0,
        le=600_000,
        description="ms that a service may take to finish what it has in hand when it is told to stop",
        examples=[30_000],
    )
