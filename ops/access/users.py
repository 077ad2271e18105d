"""Users and keys of the log database: added, changed, listed, removed, each with its entry in the audit trail."""

from __future__ import annotations

from datetime import datetime

import msgspec
import trio
from pydantic import SecretStr

from ops.access.access_database import AccessDatabase, AccessUnreachable
from ops.access.caller import Role
from ops.access.names import checked_name, checked_pages, may
from ops.access.passwords import Passwords, checked_password
from ops.access.secret_texts import KEY_PREFIX, digest, new_secret


class NameTaken(Exception):
    """Somebody has this name already."""


class NobodyOfThatName(Exception):
    """There is no such user, or key."""


class User(msgspec.Struct, frozen=True, kw_only=True):
    """A person who may sign in."""

    name: str
    role: str
    pages: list[str] | None
    """None: every page."""
    by_provider: bool
    """Signs in through the OpenID provider, and has no password here."""
    disabled: bool
    created_at: datetime
    created_by: str
    sessions: int
    last_seen_at: datetime | None


class Key(msgspec.Struct, frozen=True, kw_only=True):
    """What a program comes in with."""

    name: str
    role: str
    pages: list[str] | None
    created_at: datetime
    created_by: str
    last_used_at: datetime | None


class Users:
    """Who may come in. Methods raise AccessUnreachable; `who` is the person who does it, for the audit trail."""

    def __init__(self, database: AccessDatabase, passwords: Passwords) -> None:
        self._database = database
        self._passwords = passwords

    async def add(self, name: str, password: str, role: Role, pages: list[str] | None, who: str) -> None:
        """Let somebody in.

        Raises:
            BadName: BadPassword, NameTaken: with what to write instead.
        """
        pages = checked_pages(pages)
        values = {"name": checked_name(name), "role": role.name.lower(), "pages": pages, "detail": may(role, pages)}
        hashed = await self._passwords.hashed(checked_password(password))
        if not await self._database.ask("user_add", **values, password=hashed, who=who):
            raise NameTaken(f"there is a user {name} already; newar user change changes what they may")

    async def change(
        self,
        name: str,
        who: str,
        *,
        role: Role | None = None,
        pages: list[str] | None = None,
        all_pages: bool = False,
        disabled: bool | None = None,
    ) -> None:
        """Change what somebody may. Their sessions end.

        Raises:
            BadName: NobodyOfThatName.
        """
        pages = checked_pages(pages)
        words = [role.name.lower()] if role else []
        words += ["every page"] if all_pages else [f"pages {' '.join(pages)}"] if pages else []
        words += [] if disabled is None else ["disabled" if disabled else "enabled"]
        values = {"role": role.name.lower() if role else None, "pages": pages, "all_pages": all_pages}
        await self._change("user change", name, who, ", ".join(words), disabled=disabled, password=None, **values)

    async def set_password(self, name: str, password: str, who: str) -> None:
        """Give somebody another password. Their sessions end.

        Raises:
            BadPassword: NobodyOfThatName.
        """
        hashed = await self._passwords.hashed(checked_password(password))
        same = {"role": None, "pages": None, "all_pages": False, "disabled": None}
        await self._change("user password", name, who, "", password=hashed, **same)

    async def remove(self, name: str, who: str) -> None:
        """Let somebody in no more. Their sessions end.

        Raises:
            NobodyOfThatName: there is no such user.
        """
        if not await self._database.ask("user_remove", name=_sayable(name), who=who):
            raise NobodyOfThatName(f"there is no user {name[:64]}; newar user list shows who there is")

    async def all(self) -> list[User]:
        """Return everybody, by name."""
        return [User(**row) for row in await self._database.ask("user_list")]

    async def add_key(self, name: str, role: Role, pages: list[str] | None, who: str) -> str:
        """Make a key for a program; return its secret, which is kept nowhere.

        Raises:
            BadName: NameTaken.
        """
        secret, pages = new_secret(KEY_PREFIX), checked_pages(pages)
        values = {"name": checked_name(name), "role": role.name.lower(), "pages": pages, "detail": may(role, pages)}
        if not await self._database.ask("key_add", **values, hash=digest(secret), who=who):
            raise NameTaken(f"there is a key {name} already; newar user key remove ends it")
        return secret

    async def remove_key(self, name: str, who: str) -> None:
        """Let nobody in with this key any more.

        Raises:
            NobodyOfThatName: there is no such key.
        """
        if not await self._database.ask("key_remove", name=_sayable(name), who=who):
            raise NobodyOfThatName(f"there is no key {name[:64]}; newar user key list shows which there are")

    async def keys(self) -> list[Key]:
        """Return the keys that count, by name."""
        return [Key(**row) for row in await self._database.ask("key_list")]

    async def _change(self, what: str, name: str, who: str, detail: str, **values: object) -> None:
        if not await self._database.ask(
            "user_change", name=_sayable(name), who=who, what=what, detail=detail, **values
        ):
            raise NobodyOfThatName(f"there is no user {name[:64]}; newar user list shows who there is")


async def anybody(url: SecretStr | None) -> bool:
    """Tell whether the log database, if there is one and it answers, knows somebody who can sign in."""
    if url is None:
        return False
    database = AccessDatabase(url.get_secret_value())
    try:
        return bool((await database.ask("user_any"))[0]["some"])
    except AccessUnreachable:
        return False
    finally:
        with trio.move_on_after(1, shield=True):
            await database.close()


def _sayable(name: str) -> str:
    """Return a name as Postgres can be asked for it: no text there holds a NUL."""
    return name.replace("\0", "\N{REPLACEMENT CHARACTER}")
