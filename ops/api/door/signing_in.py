"""Signing in by name and password, or by a token of the settings, which needs no name and no database."""

from __future__ import annotations

from ops.access.access_database import AccessUnreachable
from ops.access.attempts import Attempts
from ops.access.notes import Notes
from ops.access.provider.id_token import BadIdToken
from ops.access.provider.openid_provider import OpenIdProvider, ProviderFailed, SignInFlow
from ops.access.sessions import Sessions
from ops.api.door.access import Access

REFUSED = "sign-in refused"


class NotSignedIn(Exception):
    """Nobody has this name and this password."""


class SigningIn:
    """Checks who signs in, and notes it, those who are refused too."""

    def __init__(self, access: Access, attempts: Attempts, notes: Notes) -> None:
        self._access = access
        self._attempts = attempts
        self._notes = notes

    async def by_password(self, name: str, password: str, address: str) -> str:
        """Return what the cookie of a new session shall hold. `name`: empty with a token of the settings.

        Raises:
            NotSignedIn: name and password do not belong together.
            TooOften: too many attempts by this name, or from this address, failed.
            TooManySignIns: more than are checked at once.
            AccessUnreachable: the log database is away; the tokens of the settings count all the same.
        """
        await self._attempts.begin(name, address)
        if not name:
            return await self._by_token(password, address)
        if (sessions := self._access.sessions) is None or "\0" in name:
            raise NotSignedIn
        kept = await sessions.password_of(name)
        cookie = await self._by_name(sessions, name, kept, password, address)
        if cookie is None:
            reason = "wrong password" if kept else "unknown name"  # which may be a password in the wrong field
            await self._notes.refused(REFUSED, name if kept else "", address, reason)
            raise NotSignedIn
        await self._attempts.succeeded(name, address)
        return cookie

    async def by_provider(self, provider: OpenIdProvider, flow: SignInFlow, code: str, address: str) -> str:
        """Return what the cookie of a new session of whom the OpenID provider vouches for shall hold.

        Raises:
            NotSignedIn: none of what they are there is a role here, or they are disabled; the text says which.
            ProviderFailed: BadIdToken, TooOften, AccessUnreachable.
        """
        await self._attempts.begin("", address)
        if (sessions := self._access.sessions) is None:
            raise AccessUnreachable("LOG_DATABASE_URL is not set for this service: users are in the log database")
        refusal: BadIdToken | ProviderFailed | None = None
        try:
            vouched = await provider.finish(flow, code)
        except (BadIdToken, ProviderFailed) as exc:
            refusal = exc
        if refusal is not None:
            await self._notes.refused(REFUSED, "", address, str(refusal))
            raise refusal
        cookie, reason = None, "no role follows from the provider's claims"
        if vouched.role is not None:
            cookie = await sessions.begin_vouched(vouched, vouched.role, address)
            reason = "disabled, or another user has the name"
        if cookie is None:
            await self._notes.refused(REFUSED, vouched.name, address, reason)
            raise NotSignedIn(f"{vouched.name}: {reason}")
        await self._attempts.succeeded("", address)
        return cookie

    async def _by_name(
        self, sessions: Sessions, name: str, kept: str | None, password: str, address: str
    ) -> str | None:
        fits = await self._access.passwords.fits(password, kept)
        return await sessions.begin(name, kept, address, "password") if fits else None

    async def _by_token(self, token: str, address: str) -> str:
        setting = self._access.setting_of(token)
        if setting is None:
            await self._notes.refused(REFUSED, "", address, "no token of the settings")
            raise NotSignedIn
        await self._notes.came(setting, address, "sign-in")
        await self._attempts.succeeded("", address)
        return self._access.token_session(setting)
