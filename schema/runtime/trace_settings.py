"""Whether single messages are traced, and where to."""

from __future__ import annotations

from importlib.util import find_spec
from urllib.parse import unquote

from pydantic import Field, SecretStr, field_validator

from schema.runtime.setting_types import split_address
from schema.runtime.settings import Settings


class TraceSettings(Settings):
    """What all services that tell of messages read. OpenTelemetry's names mean what they mean there."""

    traces_share: float = Field(
        default=0,
        ge=0,
        le=1,
        description="share of the messages that are [traced](operations.md#traces), such as 0.01; 0: none, at no cost; "
        "the same for runs, sender and ingest",
        examples=[0.01],
    )
    otel_exporter_otlp_endpoint: SecretStr | None = Field(
        default=None,
        description="with TRACES_SHARE: the OpenTelemetry collector, OTLP over HTTP; otherwise http://localhost:4318",
        examples=["http://collector.example.com:4318"],
    )
    otel_exporter_otlp_headers: SecretStr | None = Field(
        default=None,
        description="with TRACES_SHARE: headers that the collector wants, as name=value with commas between",
        examples=["api-key=secret"],
    )

    @field_validator("traces_share")
    @classmethod
    def _can_be_told(cls, share: float) -> float:
        if share and not _installed():
            raise ValueError(
                "needs OpenTelemetry, which is not installed here: pip install opentelemetry-sdk "
                "opentelemetry-exporter-otlp-proto-http (the extra `traces`), or write TRACES_SHARE=0"
            )
        return share

    @field_validator("otel_exporter_otlp_endpoint")
    @classmethod
    def _is_an_address(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None:
            parts = split_address(value.get_secret_value())
            if parts.scheme not in ("http", "https") or not parts.hostname:
                raise ValueError("must begin with http:// or https:// and name a server")
        return value

    @field_validator("otel_exporter_otlp_headers")
    @classmethod
    def _are_headers(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None:
            _headers(value.get_secret_value())
        return value

    @property
    def traces_url(self) -> str:
        """Where spans are posted to."""
        given = self.otel_exporter_otlp_endpoint
        return (given.get_secret_value() if given else "http://localhost:4318").rstrip("/") + "/v1/traces"

    @property
    def traces_headers(self) -> dict[str, str]:
        """What goes along."""
        return _headers(self.otel_exporter_otlp_headers.get_secret_value()) if self.otel_exporter_otlp_headers else {}


def _installed() -> bool:
    try:
        return all(map(find_spec, ("opentelemetry.sdk.trace", "opentelemetry.exporter.otlp.proto.http")))
    except ModuleNotFoundError:  # of a package around them
        return False


def _headers(text: str) -> dict[str, str]:
    pairs = [part.partition("=") for part in text.split(",") if part.strip()]
    headers = {unquote(name).strip(): unquote(value).strip() for name, _, value in pairs}
    for name, value in headers.items():
        if not (name and name.isascii() and name.replace("-", "").replace("_", "").isalnum() and value):
            raise ValueError("must be name=value, or several with commas between")
        if not (value.isascii() and value.isprintable()):
            raise ValueError("a value has something in it that no header may hold")
    return headers
