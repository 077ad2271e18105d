"""Who a request is from: decisions on its headers and its cookie."""

from __future__ import annotations

import hmac
import time
from base64 import b64decode
from binascii import Error as Base64Error
from dataclasses import dataclass

import msgspec
import structlog
import trio
from redis.asyncio import Redis

from ops.access.access_database import AccessDatabase
from ops.access.allowance import Allowance, TooOften
from ops.access.attempts import network
from ops.access.caller import Caller, Role
from ops.access.names import Known
from ops.access.notes import Notes
from ops.access.passwords import Passwords
from ops.access.proxies import TrustedProxies
from ops.access.remembered import Remembered
from ops.access.secret_texts import KEY_PREFIX, digest
from ops.access.sessions import Sessions
from ops.access.signed_out import SignedOut
from ops.access.users import Users
from ops.api.door import signed_session
from ops.api.door.same_origin import SAFE_METHODS
from ops.api.door.signed_session import SignedSession
from ops.api.settings import ApiSettings, is_loopback

log = structlog.get_logger()

UNKNOWN_AT_ONCE, UNKNOWN_EVERY_S = 30, 2.0
"""So many secrets that nobody has may come from one address before the log database is not asked for it any more."""
LOOPBACK_NAMES = frozenset({"localhost", "127.0.0.1", "::1"})


class BadCredentials(Exception):
    """A token, or a password of Basic authentication, is nobody's."""


@dataclass(frozen=True, kw_only=True)
class Arrival:
    """A request's sender, and what follows for the answer."""

    caller: Caller | None
    csrf_key: bytes | None = None
    """What only their browser holds; None: no browser says by itself who they are."""
    cookie: str | None = None
    """The session's new cookie, when it has to be written anew."""
    come_again: bool = False
    """Whether half of the idle time is over: a stream ends then, so that the browser comes again for that cookie."""


class Access:
    """The rules that follow from the settings, and from the users and keys of the log database, if there is one."""

    def __init__(self, settings: ApiSettings, redis: Redis) -> None:
        self.notes, self._signed_out = Notes(redis), SignedOut(redis)
        self._unknown = Allowance(UNKNOWN_AT_ONCE, UNKNOWN_EVERY_S)
        self._names = LOOPBACK_NAMES | {settings.api_host.strip("[]").lower()} if settings.loopback else None
        self._open = settings.loopback and settings.viewer_token is None
        self._proxies, self._told_of_proxy = TrustedProxies(settings.trusted_proxies), False
        self._idle_s, self.longest_s = settings.session_idle_ms / 1000, settings.session_ms / 1000
        tokens = (
            (settings.admin_token, "ADMIN_TOKEN", Role.ADMIN),
            (settings.viewer_token, "VIEWER_TOKEN", Role.VIEWER),
        )
        self._tokens = {name: (token.get_secret_value().encode(), role) for token, name, role in tokens if token}
        self.passwords = Passwords()
        self.database = AccessDatabase(url.get_secret_value()) if (url := settings.log_database_url) else None
        self.sessions, self.users = None, None
        if self.database is not None:
            self.sessions = Sessions(self.database, idle_s=self._idle_s, longest_s=self.longest_s)
            self.users = Users(self.database, self.passwords)
            self._people, self._keys = Remembered(self.sessions.whose), Remembered(self.sessions.whose_key)

    async def close(self) -> None:
        """Close what it has opened."""
        if self.database is not None:
            await self.database.close()

    def host_allowed(self, host: str | None) -> bool:
        """Refuse foreign names on loopback: a web page could otherwise point its own name here (DNS rebinding)."""
        return self._names is None or bare_name(host or "") in self._names

    def setting_of(self, token: str) -> str | None:
        """Return the name of the setting that holds this token; None: none."""
        offered, found = token.encode("utf-8", "surrogatepass"), None
        for name, (kept, _role) in self._tokens.items():
            found = name if hmac.compare_digest(offered, kept) else found
        return found

    async def arrival(
        self, authorization: str | None, cookie: str | None, where: str, method: str, *, proxy: str | None = None
    ) -> Arrival:
        """Return who sends a request from this address; header and cookie as they came, None: not sent.

        `proxy`: by what it is known to have come through one; None: it seems to come from that address itself.

        Raises:
            BadCredentials: what they send to be known by is nobody's.
            AccessUnreachable: the log database would have to be asked, and is away.
            TooOften: it would have to be asked for an address that has sent too many secrets of nobody.
        """
        anew = method not in SAFE_METHODS
        if authorization is not None:
            return await self._by_authorization(authorization, where, anew=anew)
        arrival = await self._by_cookie(cookie, where, anew=anew) if cookie else None
        if arrival is not None:
            return arrival
        here = self._is_here(where, proxy)
        return Arrival(caller=Caller(name="anybody", role=Role.VIEWER, where=where) if here else None)

    def token_session(self, setting: str) -> str:
        """Begin a session of whoever has the token of this setting; return what the cookie shall hold."""
        return signed_session.written(signed_session.begun(setting, time.time()), self._tokens[setting][0])

    async def end(self, cookie: str, caller: Caller) -> None:
        """End the session of this cookie. Errors: AccessUnreachable."""
        if self.sessions is None or cookie.startswith(signed_session.PREFIX):
            if (held := self._held(cookie)) is not None:
                await self._signed_out.add(held.session_id, held.began_s + self.longest_s)
            await self.notes.came(caller.name, caller.where, "sign-out")
            return
        await self.sessions.end(cookie, caller.who)
        self._people.forget(digest(cookie))

    def _is_here(self, where: str, proxy: str | None) -> bool:
        """Tell whether it is somebody on this machine, who may look: a proxy on it speaks for others."""
        if not self._open or not is_loopback(where) or self._proxies.has(where):
            return False
        if proxy is not None and not self._told_of_proxy:
            self._told_of_proxy = True
            hint = (
                "who comes through a proxy signs in; name it in TRUSTED_PROXIES, so that each client is known by itself"
            )
            log.warning("proxy_on_this_machine", address=where, sign=proxy, hint=hint)
        return proxy is None

    async def _by_authorization(self, authorization: str, where: str, *, anew: bool) -> Arrival:
        by_browser, offered = _offered(authorization)
        if not offered:
            raise BadCredentials
        key = offered.encode("utf-8", "surrogatepass") if by_browser else None
        if (setting := self.setting_of(offered)) is not None:
            caller = Caller(name=setting, role=self._tokens[setting][1], where=where, by_cookie=by_browser)
            return Arrival(caller=caller, csrf_key=key)
        if self.database is not None and offered.startswith(KEY_PREFIX):
            found = await self._whose(self._keys, offered, where, anew=anew)
            if found is not None:
                caller = _caller(found, where, by_cookie=by_browser)
                return Arrival(caller=msgspec.structs.replace(caller, name=f"key:{found.name}"), csrf_key=key)
        await self.notes.refused("token refused", "", where, "by Basic" if by_browser else "by Bearer")
        raise BadCredentials

    async def _by_cookie(self, cookie: str, where: str, *, anew: bool) -> Arrival | None:
        if cookie.startswith(signed_session.PREFIX):
            return await self._by_token_session(cookie, where)
        if self.database is None:
            return None
        found = await self._whose(self._people, cookie, where, anew=anew)
        return Arrival(caller=_caller(found, where, by_cookie=True), csrf_key=cookie.encode()) if found else None

    async def _whose(self, asked: Remembered, secret: str, where: str, *, anew: bool) -> Known | None:
        """Return whose secret it is, but for an address that has sent too many of nobody's.

        Raises:
            TooOften: such an address, and a secret of which nothing is known.
            AccessUnreachable: the log database is away.
        """
        hashed, client = digest(secret), network(where)
        wait_s = self._unknown.wait_s(client, trio.current_time())
        if wait_s > 0 and not asked.knows(hashed):
            raise TooOften(wait_s)
        found = await asked.whose(hashed, anew=anew)
        if found is None:
            self._unknown.spend(client, trio.current_time())
        return found

    async def _by_token_session(self, cookie: str, where: str) -> Arrival | None:
        now_s, session = time.time(), self._held(cookie)
        if session is None or session.over(now_s, idle_s=self._idle_s, longest_s=self.longest_s):
            return None
        if await self._signed_out.has(session.session_id):
            return None
        token, role = self._tokens[session.setting]
        caller = Caller(name=session.setting, role=role, where=where, by_cookie=True)
        unseen_s, half_s = now_s - session.seen_s, self._idle_s / 2
        later = unseen_s >= min(signed_session.RENEWED_AFTER_S, half_s)
        return Arrival(
            caller=caller,
            csrf_key=token + session.session_id.encode(),
            cookie=_later(session, token, now_s) if later else None,
            come_again=unseen_s >= half_s,
        )

    def _held(self, cookie: str) -> SignedSession | None:
        """Return the session that is signed in this cookie with the token that it is of; None: none."""
        for name, (token, _role) in self._tokens.items():
            session = signed_session.read(cookie, token)
            if session is not None and session.setting == name:
                return session
        return None


def _caller(found: Known, where: str, *, by_cookie: bool) -> Caller:
    return Caller(name=found.name, role=found.role, pages=found.pages, where=where, by_cookie=by_cookie)


def _later(session: SignedSession, token: bytes, now_s: float) -> str:
    return signed_session.written(msgspec.structs.replace(session, seen_s=int(now_s)), token)


def bare_name(host: str) -> str:
    """Cut the port off a Host header."""
    name, colon, port = host.rpartition(":")
    if not colon or not port.isdigit():
        name = host
    return name.strip("[]").lower()


def _offered(authorization: str) -> tuple[bool, str]:
    """Return what `Bearer` carries, or the password of `Basic`; and whether a browser sends it by itself."""
    scheme, _, value = authorization.strip().partition(" ")
    if scheme.lower() == "bearer":
        return False, value.strip()
    if scheme.lower() != "basic":
        return False, ""
    try:
        _user, _, password = b64decode(value.strip(), validate=True).partition(b":")
    except (Base64Error, ValueError):
        return True, ""
    return True, password.decode("utf-8", "surrogateescape")
