"""Settings of `newar api`, and the rule that nobody reads it from outside without a token."""

from __future__ import annotations

import secrets
from ipaddress import ip_address

from pydantic import Field, SecretStr, field_validator

from ops.access.provider.provider_settings import ProviderSettings
from ops.access.proxies import networks
from ops.acts.log_connections import MendingSettings
from ops.acts.settings import RecoverSettings, RetrySettings, SubmitSettings, TryOutSettings
from ops.api.listening import ListeningSettings
from ops.board.settings import BoardSettings
from schema.runtime.setting_types import TokenKeys
from schema.runtime.settings import SettingsError

TOKEN_BYTES = 24


class ApiSettings(
    BoardSettings,
    ProviderSettings,
    SubmitSettings,
    RetrySettings,
    TryOutSettings,
    RecoverSettings,
    ListeningSettings,
    MendingSettings,
):
    """What is shown, where, and to whom; and what acts over HTTP take."""

    token_encryption_key: TokenKeys | None = Field(  # type: ignore[assignment]  # optional here
        default=None,
        description="encrypts page tokens, as the other services have it; unset: acts that need it answer 503",
        examples=["$(openssl rand -base64 32 | tr '+/' '-_')"],
    )
    submit_max_bytes: int = Field(
        default=512 * 1024 * 1024,
        ge=1024,
        le=1024**4,
        description="how long the file of a run may be that is submitted over HTTP; it is put on the disk meanwhile",
    )

    admin_token: SecretStr | None = Field(default=None, description="lets its holder read and steer over HTTP")
    viewer_token: SecretStr | None = Field(default=None, description="lets its holder read over HTTP")
    session_idle_ms: int = Field(
        default=28_800_000, ge=60_000, description="a session ends when nothing came of it for so long"
    )
    session_ms: int = Field(default=604_800_000, ge=60_000, description="and in any case so long after signing in")
    api_requests_per_second: float = Field(
        default=50,
        ge=0,
        allow_inf_nan=False,
        description="what one client may ask for over HTTP, and ten times as much at once; 0 for any number",
    )
    trusted_proxies: str | None = Field(
        default=None,
        description="reverse proxies, whose X-Forwarded-For says who a client is; addresses or networks, with commas "
        "between. Without it all that comes through one is one client",
        examples=["10.0.0.5,10.1.0.0/16"],
    )
    metrics_pages: int = Field(
        default=50, ge=0, le=1000, description="how many pages, those with the most to send, have metrics of their own"
    )
    drain_timeout_ms: int = Field(default=30000, ge=0, description="time to finish what is in hand after SIGTERM")

    @field_validator("trusted_proxies")
    @classmethod
    def _are_networks(cls, value: str | None) -> str | None:
        networks(value)
        return value

    @property
    def loopback(self) -> bool:
        """Whether only this machine can reach the service."""
        return is_loopback(self.api_host)


def is_loopback(host: str) -> bool:
    """Tell whether `host` (a name or an address) is this machine alone."""
    if host.lower() == "localhost":
        return True
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def guarded(settings: ApiSettings, *, terminal: bool, users: bool = False) -> tuple[ApiSettings, str | None]:
    """Return settings that may be served, and the admin token when one was made up, to be shown once.

    One is made up where no token is configured and a person can see it: somebody has to be able to change something.
    `users`: somebody has a name to sign in with; then, on loopback, none is needed.

    Raises:
        SettingsError: beyond loopback, without a token and without a terminal.
    """
    if settings.admin_token or settings.viewer_token or (settings.loopback and (users or not terminal)):
        return settings, None
    if not terminal:
        raise SettingsError(
            [
                f"API_HOST={settings.api_host} can be reached from other machines and no token is set; write "
                "ADMIN_TOKEN=... (make one with: openssl rand -hex 24), or API_HOST=127.0.0.1"
            ]
        )
    token = secrets.token_urlsafe(TOKEN_BYTES)
    return settings.model_copy(update={"admin_token": SecretStr(token)}), token


def how_to_sign_in(token: str) -> str:
    """Return what to tell the person at the terminal of a token that was made up."""
    return (
        f"sign in at /admin/sign-in without a name and with the password {token}\n"
        "newar: it counts until the next start; newar user add lets people in by name, ADMIN_TOKEN sets a lasting one"
    )
