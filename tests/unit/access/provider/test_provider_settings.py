"""What is wrong with the settings of a provider is said at the start."""

from __future__ import annotations

import pytest

from ops.access.caller import Role
from ops.access.provider.provider_settings import ProviderSettings, roles
from schema.runtime.settings import SettingsError, load

WHOLE = {
    "oidc_issuer": "https://login.example.com",
    "oidc_client_id": "newar",
    "oidc_redirect_url": "https://newar.example.com/admin/sign-in/provider/back",
    "oidc_roles": "a=admin,b = viewer",
}


def test_roles_are_read() -> None:
    assert roles("a=admin, x=y=viewer ,,") == {"a": Role.ADMIN, "x=y": Role.VIEWER}
    assert roles(None) == {}
    assert load(ProviderSettings, env_file=None, **WHOLE).oidc_role_claim == "groups"


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"oidc_roles": None}, "OIDC_ROLES"),
        ({"oidc_client_id": None, "oidc_redirect_url": None}, "OIDC_CLIENT_ID, OIDC_REDIRECT_URL"),
        ({"oidc_roles": "a=boss"}, "viewer, operator or admin"),
        ({"oidc_roles": "admin"}, "VALUE=ROLE"),
        ({"oidc_issuer": "http://login.example.com"}, "https://"),
        ({"oidc_issuer": "login.example.com"}, "https://"),
        ({"oidc_redirect_url": "https://x/?a=b"}, "https://"),
    ],
)
def test_a_provider_that_is_half_set_is_refused(changed: dict[str, str | None], said: str) -> None:
    with pytest.raises(SettingsError, match=said):
        load(ProviderSettings, env_file=None, **WHOLE | changed)
