"""The sender's settings."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit, urlunsplit

from pydantic import AfterValidator, Field, SecretStr, ValidationInfo, field_validator, model_validator

from schema.runtime.setting_types import CaFile, split_address
from schema.runtime.settings import KafkaSettings, RedisSettings, Settings, TokenSettings, WindowSettings
from schema.runtime.trace_settings import TraceSettings

_VERSIONED = re.compile(r"(https?://[^/]+.*?)/+(v[0-9]+\.[0-9]+)/*", re.IGNORECASE)
"""An address that ends in a version of the Graph API, as people copy it."""


def _http_url(value: str, info: ValidationInfo) -> str:
    if not value.startswith(("https://", "http://")):
        raise ValueError("must begin with https:// (or http:// for a stand-in on this machine)")
    if found := _VERSIONED.fullmatch(value):
        raise ValueError(
            f"ends in {found[2]}, and GRAPH_API_VERSION is {info.data.get('graph_api_version', 'another one')}: "
            f"write {_without_login(found[1])} here, and the version there"
        )
    import httpx  # noqa: PLC0415 - it takes long, and the default needs no look

    try:
        host, _ = httpx.URL(value).host, split_address(value).port
    except (httpx.InvalidURL, UnicodeError, ValueError):
        raise ValueError(
            "has no host, or no port, that can be read: write for example https://graph.facebook.com"
        ) from None
    if any(c.isspace() for c in value):
        raise ValueError("has a blank in it")
    if not host or "?" in value or "#" in value:
        raise ValueError("must be a host, perhaps with a path, and nothing behind it, like https://graph.facebook.com")
    return value.rstrip("/")


def _without_login(url: str) -> str:
    parts = urlsplit(url)
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))


class RuleSettings(Settings):
    """What follows from answers: a file of rules, and the two numbers that rules may leave to a setting."""

    rules_file: Path | None = Field(
        default=None, description="rules over the shipped ones, as TOML: see [rules](rules.md); read at the start"
    )
    circuit_breaker_threshold: int = Field(
        default=5, ge=1, le=1000, description="authentication failures in a row that open a page's breaker"
    )
    circuit_breaker_cooldown_ms: int = Field(
        default=300_000, ge=100, le=86_400_000, description="how long an open breaker keeps a page from sending"
    )


class GraphSettings(Settings):
    """Where requests go, and with what."""

    graph_api_version: str = Field(
        default="v26.0", pattern=r"^v[0-9]+\.[0-9]+$", description="version of the Graph API", examples=["v26.0"]
    )
    graph_api_url: Annotated[str, AfterValidator(_http_url)] = Field(
        default="https://graph.facebook.com",
        description="the Graph API, or a stand-in; a version at its end counts as `GRAPH_API_VERSION`",
    )
    graph_ca_file: CaFile | None = Field(
        default=None, description="CA file that the Graph API's certificate must match"
    )
    app_secret: SecretStr | None = Field(default=None, description="with it, `appsecret_proof` goes along")

    @model_validator(mode="before")
    @classmethod
    def _version_in_the_address(cls, values: dict[str, Any]) -> dict[str, Any]:
        """Take a version off the end of the address; one that is set apart must be the same."""
        found = _VERSIONED.fullmatch(str(values.get("graph_api_url", "")).strip())
        if found is None or values.get("graph_api_version", found[2].lower()) != found[2].lower():
            return values
        return {**values, "graph_api_url": found[1], "graph_api_version": found[2].lower()}


def _people(value: str | None) -> frozenset[str]:
    return frozenset(part.strip() for part in (value or "").split(",") if part.strip())


def _digits(value: str | None) -> str | None:
    if strange := [one for one in sorted(_people(value)) if not (one.isascii() and one.isdigit())]:
        raise ValueError(f"{', '.join(strange)}: a page-scoped id (PSID) has digits only")
    return value


class TestSettings(Settings):
    """Who may be sent a test."""

    __test__ = False  # no class of tests
    test_recipients: Annotated[str | None, AfterValidator(_digits)] = Field(
        default=None,
        description="page-scoped ids of people who may get a message by `newar run test`; several with commas between",
        examples=["7000000000000001"],
    )

    @property
    def testers(self) -> frozenset[str]:
        """Their ids."""
        return _people(self.test_recipients)


class FlightSettings(Settings):
    """What may be on its way when a sender dies, and for how long nobody can say what became of it."""

    worker_concurrency: int = Field(default=100, ge=1, le=10_000, description="sender tasks of one process")
    send_timeout_ms: int = Field(
        default=30_000, ge=100, le=600_000, description="how long an answer may take; then the outcome is `unknown`"
    )
    send_timeout_media_ms: int = Field(
        default=90_000, ge=100, le=600_000, description="the same for audio and video, which Meta fetches meanwhile"
    )
    graph_batch_size: int = Field(
        default=1, ge=1, le=50, description="messages per Graph batch; 1 sends each by itself, 20 is advised"
    )
    lease_ms: int = Field(
        default=10_000, ge=200, le=600_000, description="a sender that is silent for so long loses its jobs to others"
    )


class SenderSettings(
    RedisSettings,
    KafkaSettings,
    TokenSettings,
    WindowSettings,
    RuleSettings,
    GraphSettings,
    FlightSettings,
    TraceSettings,
):
    """What one sender process does, and how fast."""

    max_sockets: int = Field(default=500, ge=1, le=20_000, description="connections of one process")
    connect_timeout_ms: int = Field(
        default=10_000, ge=50, le=120_000, description="how long a connection may take; then the job goes back"
    )
    rate_limit_per_page: int = Field(default=50, ge=1, le=100_000, description="messages per second and page")
    rate_limit_per_page_media: int = Field(default=10, ge=1, le=100_000, description="the same for audio and video")
    rate_limit_max_jobs_per_second: int = Field(
        default=0, ge=0, le=10_000_000, description="messages per second of the whole app; 0 is no limit"
    )
    drain_timeout_ms: int = Field(
        default=30_000, ge=0, le=600_000, description="how long a stopping sender finishes what is in flight"
    )
    outbox_limit: int = Field(
        default=100_000,
        ge=100,
        le=10_000_000,
        description="events of all senders that may wait for the broker before claiming stops",
    )
    outbox_trim: Literal["acknowledged", "committed"] = Field(
        default="acknowledged",
        description="when an event leaves the outbox: with the broker's acknowledgement, or once it is in Postgres "
        "(for a broker that forgets)",
    )

    @field_validator("max_sockets")
    @classmethod
    def _sockets_for_all_tasks(cls, max_sockets: int, info: ValidationInfo) -> int:
        tasks = info.data.get("worker_concurrency", 0)
        if max_sockets < tasks:
            raise ValueError(
                f"{max_sockets} is less than WORKER_CONCURRENCY={tasks}: tasks would wait for connections; "
                f"write MAX_SOCKETS={tasks} or more"
            )
        return max_sockets

    def expectations(self) -> dict[str, float | int | str]:
        """Return what these settings allow: messages/s = in flight / latency."""
        in_flight = min(self.worker_concurrency, self.max_sockets) * self.graph_batch_size
        return {
            "graph": self.graph_api_url,
            "tasks": self.worker_concurrency,
            "batch": self.graph_batch_size,
            "at_most_per_s_with_300_ms": round(in_flight / 0.3),
            "at_most_per_s_with_800_ms": round(in_flight / 0.8),
            "per_page_per_s": self.rate_limit_per_page,
        }
