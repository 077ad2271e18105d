"""Who a request is from: decisions on its headers."""

from __future__ import annotations

import hmac
from base64 import b64decode
from binascii import Error as Base64Error

from ops.access.caller import Caller, Role
from ops.api.settings import ApiSettings

LOOPBACK_NAMES = frozenset({"localhost", "127.0.0.1", "::1"})


class Access:
    """The rules that follow from the settings. Headers are passed as they came; None: not sent."""

    def __init__(self, settings: ApiSettings) -> None:
        self._names = LOOPBACK_NAMES | {settings.api_host.strip("[]").lower()} if settings.loopback else None
        self._open = settings.loopback and settings.viewer_token is None
        tokens = (
            (settings.admin_token, "ADMIN_TOKEN", Role.ADMIN),
            (settings.viewer_token, "VIEWER_TOKEN", Role.VIEWER),
        )
        self._tokens = [(token.get_secret_value().encode(), name, role) for token, name, role in tokens if token]

    def host_allowed(self, host: str | None) -> bool:
        """Refuse foreign names on loopback: a web page could otherwise point its own name here (DNS rebinding)."""
        return self._names is None or _name(host or "") in self._names

    async def caller(self, authorization: str | None, where: str) -> Caller | None:
        """Return who sends a request from this address; None: nobody who may come in."""
        offered = _token(authorization or "")
        if offered is not None:
            for token, name, role in self._tokens:
                if hmac.compare_digest(offered, token):
                    by_browser = (authorization or "").strip().lower().startswith("basic")
                    return Caller(name=name, role=role, where=where, by_cookie=by_browser)
        return Caller(name="anybody", role=Role.VIEWER, where=where) if self._open else None


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
