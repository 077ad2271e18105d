"""Sessions of users, and keys of programs, as the log database knows them: found by their secret's hash."""

from __future__ import annotations

from ops.access.access_database import AccessDatabase
from ops.access.caller import Role
from ops.access.names import Known, known
from ops.access.provider.id_token import Vouched
from ops.access.secret_texts import digest, new_secret

MOST_PER_USER = 50
"""Whoever signs in once more loses the oldest."""


class Sessions:
    """Methods raise AccessUnreachable."""

    def __init__(self, database: AccessDatabase, *, idle_s: float, longest_s: float) -> None:
        self._database = database
        self._idle_s = idle_s
        self._longest_s = longest_s

    async def password_of(self, name: str) -> str | None:
        """Return what is kept of somebody's password; None: nobody of that name signs in with one."""
        rows = await self._database.ask("user_password", name=name)
        kept: str | None = rows[0]["password"] if rows else None
        return kept

    async def begin(self, name: str, password: str | None, address: str, how: str) -> str | None:
        """Begin a session of somebody whose password, as it is kept, was found to fit; return its secret.

        None: it was changed meanwhile, or they are gone.
        """
        secret = new_secret()
        values = {"name": name, "password": password, "address": address, "who": f"{name}@{address}", "how": how}
        limits = {"most": MOST_PER_USER - 1, "for_s": self._longest_s}
        return secret if await self._database.ask("session_add", hash=digest(secret), **values, **limits) else None

    async def begin_vouched(self, vouched: Vouched, role: Role, address: str) -> str | None:
        """Begin a session of somebody whom the OpenID provider vouches for; return its secret.

        None: they are disabled here, or another user bears their name.
        """
        values = {"name": vouched.name, "subject": vouched.subject, "role": role.name.lower()}
        rows = await self._database.ask("user_by_provider", **values, who=f"{vouched.name}@{address}")
        return await self.begin(rows[0]["name"], None, address, "OpenID provider") if rows else None

    async def whose(self, hashed: bytes) -> Known | None:
        """Return whose session this is, as they are now; None: nobody's, or it is over."""
        rows = await self._database.ask("session_find", hash=hashed, idle_s=self._idle_s)
        return known(**rows[0]) if rows else None

    async def whose_key(self, hashed: bytes) -> Known | None:
        """Return whose key this is; None: nobody's."""
        rows = await self._database.ask("key_find", hash=hashed)
        return known(**rows[0]) if rows else None

    async def end(self, secret: str, who: str) -> None:
        """End a session, if it is there."""
        await self._database.ask("session_end", hash=digest(secret), who=who)
