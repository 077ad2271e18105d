"""Passwords of people: hashed by Argon2id, one at a time, so that a flood takes one core at most."""

from __future__ import annotations

import trio
from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

SHORTEST = 12
LONGEST = 256
MOST_WAITING = 20
_HASHER = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)
"""As OWASP recommends it (Password Storage Cheat Sheet): 19 MiB, two rounds, one lane; some 30 ms."""
_NOBODY = "$argon2id$v=19$m=19456,t=2,p=1$d+VlrvrozaF7LRInR7zNqA$i7e4042R3xwhk9qliSIlt0JJnxBuCONuAsWxXo74KX0"
"""No password has this hash; it takes as long to find out."""


class BadPassword(Exception):
    """A password cannot be used; the text says why."""


class TooManySignIns(Exception):
    """More attempts at once than are checked here."""

    def __init__(self) -> None:
        super().__init__("too many sign-ins at once; try again in a few seconds")


def checked_password(password: str) -> str:
    """Return a password that may be set.

    Raises:
        BadPassword: it is too short or too long.
    """
    if not SHORTEST <= len(password) <= LONGEST:
        raise BadPassword(f"a password has {SHORTEST} to {LONGEST} characters")
    return password


class Passwords:
    """Hashes and compares in a thread."""

    def __init__(self) -> None:
        self._turns = trio.CapacityLimiter(1)

    async def hashed(self, password: str) -> str:
        """Return what is kept of a password."""
        return await trio.to_thread.run_sync(_HASHER.hash, password, limiter=self._turns)

    async def fits(self, password: str, kept: str | None) -> bool:
        """Tell whether it is the password; None, where nobody bears the name, takes as long as a wrong one.

        Raises:
            TooManySignIns: too many wait for their turn.
        """
        if self._turns.statistics().tasks_waiting >= MOST_WAITING:
            raise TooManySignIns
        fits = await trio.to_thread.run_sync(_fits, kept or _NOBODY, password[: LONGEST + 1], limiter=self._turns)
        return fits and kept is not None


def _fits(kept: str, password: str) -> bool:
    try:
        return _HASHER.verify(kept, password.encode("utf-8", "surrogatepass"))
    except (VerificationError, InvalidHashError):
        return False
