"""Settings of the OpenID provider; without OIDC_ISSUER there is none."""

from __future__ import annotations

from urllib.parse import urlsplit

from pydantic import Field, SecretStr, field_validator, model_validator

from ops.access.caller import Role
from ops.access.names import BadName, role_named
from schema.runtime.settings import Settings

_HERE = frozenset({"localhost", "127.0.0.1", "::1"})


class ProviderSettings(Settings):
    """Where people may sign in instead of here, and what they are then."""

    oidc_issuer: str | None = Field(
        default=None,
        description="OpenID provider through which people may sign in; unset: only by name and password",
        examples=["https://login.example.com/realms/main"],
    )
    oidc_client_id: str | None = Field(default=None, description="as whom the provider knows this service")
    oidc_client_secret: SecretStr | None = Field(default=None, description="with which it proves that, if it has one")
    oidc_redirect_url: str | None = Field(
        default=None,
        description="where the provider sends people back to, as it is registered there",
        examples=["https://newar.example.com/admin/sign-in/provider/back"],
    )
    oidc_roles: str | None = Field(
        default=None,
        description="which of the claim's values is which role, the highest counts; who has none may not come in",
        examples=["newar-admins=admin,newar-team=operator,staff=viewer"],
    )
    oidc_role_claim: str = Field(default="groups", description="claim of the ID token that says so; a text or a list")
    oidc_name_claim: str = Field(default="email", description="claim by which people are named, else the subject")
    oidc_scopes: str = Field(default="openid email profile", description="what the provider is asked to tell")

    @field_validator("oidc_issuer", "oidc_redirect_url")
    @classmethod
    def _safe(cls, url: str | None) -> str | None:
        if url is None:
            return None
        parts = urlsplit(url)
        if not parts.hostname or parts.scheme not in ("https", "http") or parts.query or parts.fragment:
            raise ValueError("must be an address that begins with https://")
        if parts.scheme == "http" and parts.hostname not in _HERE:
            raise ValueError("must begin with https://; http:// is for this machine alone")
        return url

    @field_validator("oidc_roles")
    @classmethod
    def _known_roles(cls, text: str | None) -> str | None:
        try:
            roles(text)
        except BadName:
            raise ValueError("must be VALUE=ROLE with commas between; a role is viewer, operator or admin") from None
        return text

    @model_validator(mode="after")
    def _whole(self) -> ProviderSettings:
        needed = {name: getattr(self, name) for name in ("oidc_client_id", "oidc_redirect_url", "oidc_roles")}
        lacking = [name.upper() for name, value in needed.items() if not value]
        if self.oidc_issuer and lacking:
            raise ValueError(f"OIDC_ISSUER is set: set {', '.join(lacking)} too, or unset it")
        return self


def roles(text: str | None) -> dict[str, Role]:
    """Return the roles by the values that have them. Raises BadName: it is no list of them."""
    found: dict[str, Role] = {}
    for part in filter(None, map(str.strip, (text or "").split(","))):
        value, equals, role = part.rpartition("=")
        if not equals or not value.strip():
            raise BadName("VALUE=ROLE")
        found[value.strip()] = role_named(role.strip())
    return found
