"""Sessions of those who signed in with a token of the settings: all of it is in the cookie, so no database is needed.

The cookie is signed with a key made from the token itself: with another token, all of its sessions are over. Pure.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from base64 import urlsafe_b64encode

import msgspec

PREFIX = "token."
RENEWED_AFTER_S = 60
"""The cookie is written anew when it was last seen so long ago, or half of the idle time."""
_ID_BYTES = 16


class SignedSession(msgspec.Struct, frozen=True, kw_only=True):
    """A session. Seconds since 1970."""

    session_id: str
    setting: str
    """Whose token it was."""
    began_s: int
    seen_s: int

    def over(self, now_s: float, *, idle_s: float, longest_s: float) -> bool:
        """Tell whether it ended by itself."""
        return now_s - self.began_s > longest_s or now_s - self.seen_s > idle_s


def begun(setting: str, now_s: float) -> SignedSession:
    """Return a new one."""
    return SignedSession(
        session_id=secrets.token_hex(_ID_BYTES), setting=setting, began_s=int(now_s), seen_s=int(now_s)
    )


def written(session: SignedSession, token: bytes) -> str:
    """Return what the cookie holds."""
    fields = f"{session.setting}.{session.session_id}.{session.began_s}.{session.seen_s}"
    return f"{PREFIX}{fields}.{_signature(fields, token)}"


def read(cookie: str, token: bytes) -> SignedSession | None:
    """Return the session that was signed with this token; None: none."""
    fields, _, signature = cookie.removeprefix(PREFIX).rpartition(".")
    if not cookie.isascii() or not hmac.compare_digest(signature, _signature(fields, token)):
        return None
    setting, session_id, began_s, seen_s = fields.split(".")
    return SignedSession(session_id=session_id, setting=setting, began_s=int(began_s), seen_s=int(seen_s))


def _signature(fields: str, token: bytes) -> str:
    key = hmac.digest(token, b"newar signed session", hashlib.sha256)
    return urlsafe_b64encode(hmac.digest(key, fields.encode(), hashlib.sha256)).decode().rstrip("=")
