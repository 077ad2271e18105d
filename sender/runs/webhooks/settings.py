"""Where the platform that submits runs wants to hear of their ends."""

from __future__ import annotations

from ipaddress import ip_address

from pydantic import Field, SecretStr, ValidationInfo, field_validator

from schema.runtime.setting_types import CaFile, split_address
from schema.runtime.settings import Settings
from sender.runs.webhooks.signed_message import signing_key


class WebhookSettings(Settings):
    """The webhook that tells of runs' ends and stops."""

    run_webhook_secret: SecretStr | None = Field(
        default=None,
        description="signs what is sent to RUN_WEBHOOK_URL",
    )
    run_webhook_insecure: bool = Field(
        default=False, description="send to RUN_WEBHOOK_URL without TLS, also beyond this machine"
    )
    run_webhook_url: SecretStr | None = Field(
        default=None,
        description="is told, by [webhook](webhook.md), when a run ends or stops",
        examples=["https://platform.example.com/hooks/newar"],
    )
    run_webhook_ca_file: CaFile | None = Field(
        default=None, description="CA file of RUN_WEBHOOK_URL, when not the system's"
    )

    @field_validator("run_webhook_secret")
    @classmethod
    def _is_a_key(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None:
            signing_key(value.get_secret_value())
        return value

    @field_validator("run_webhook_url")
    @classmethod
    def _may_be_told(cls, value: SecretStr | None, info: ValidationInfo) -> SecretStr | None:
        if value is None:
            return None
        parts = split_address(value.get_secret_value())
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError("must begin with https:// and name a server")
        if parts.scheme == "http" and not info.data.get("run_webhook_insecure") and not _is_here(parts.hostname):
            raise ValueError("anybody on the way could read it and put words into it: write https://")
        if "run_webhook_secret" in info.data and info.data["run_webhook_secret"] is None:
            raise ValueError("needs RUN_WEBHOOK_SECRET, by which the receiver knows that it is from here")
        return value


def _is_here(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
