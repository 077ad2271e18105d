"""Who may read: plain decisions on the headers of a request."""

from __future__ import annotations

import hmac
from base64 import b64decode
from binascii import Error as Base64Error

from ops.api.settings import ApiSettings

LOOPBACK_NAMES = frozenset({"localhost", "127.0.0.1", "::1"})


class Access:
    """The rules that follow from the settings. Headers are passed as they came; None: not sent."""

    def __init__(self, settings: ApiSettings) -> None:
        self._names = LOOPBACK_NAMES | {settings.api_host.strip("[]").lower()} if settings.loopback else None
        self._open = settings.loopback and settings.viewer_token is None
        tokens = (settings.admin_token, settings.viewer_token)
        self._tokens = [token.get_secret_value().encode() for token in tokens if token]

    def host_allowed(self, host: str | None) -> bool:
        """Refuse foreign names on loopback: a web page could otherwise point its own name here (DNS rebinding)."""
        return self._names is None or _name(host or "") in self._names

    def may_read(self, authorization: str | None) -> bool:
        """Tell whether figures and the dashboard may be shown."""
        return self._open or self._known(authorization)

    def _known(self, authorization: str | None) -> bool:
        offered = _token(authorization or "")
        return offered is not None and any(hmac.compare_digest(offered, token) for token in self._tokens)


def _name(host: str) -> str:
    """Cut the port off a Host header."""
    name, colon, port = host.rpartition(":")
    if not colon or not port.isdigit():
        name = host
    return name.strip("[]").lower()


def _token(authorization: str) -> bytes | None:
    """Return what `Bearer` carries, or the password of `Basic`, so that a browser can ask for it."""
    scheme, _, value = authorization.strip().partition(" ")
    if scheme.lower() == "bearer":
        return value.strip().encode("utf-8", "surrogateescape")
    if scheme.lower() != "basic":
        return None
    try:
        _user, colon, password = b64decode(value.strip(), validate=True).partition(b":")
    except (Base64Error, ValueError):
        return None
    return password if colon else None
