"""Signing in by name and password, or by a token of the settings, which needs no name and no database."""

from __future__ import annotations

from ops.api.door.access import Access


class NotSignedIn(Exception):
    """Nobody has this name and this password."""


async def sign_in(access: Access, name: str, password: str, address: str) -> str:
    """Return what the cookie of a new session shall hold.

    Raises:
        NotSignedIn: name and password do not belong together.
        TooManySignIns: more than are checked at once.
        AccessUnreachable: the log database is away; the tokens of the settings count all the same.
    """
    if not name:
        setting = access.setting_of(password)
        if setting is None:
            raise NotSignedIn
        return access.token_session(setting)
    if access.sessions is None or "\0" in name:
        raise NotSignedIn
    kept = await access.sessions.password_of(name)
    cookie = None
    if await access.passwords.fits(password, kept):
        cookie = await access.sessions.begin(name, kept, address, "password")
    if cookie is None:
        raise NotSignedIn
    return cookie
