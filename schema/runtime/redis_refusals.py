"""What Redis means when it answers and refuses us, and what to do about it. Pure. Repeats no key and no address."""

from __future__ import annotations

import re
from collections.abc import Sequence

from redis.exceptions import RedisError

from schema.redis_commands import OUR_KEYS, allowing, grant, in_words

_COMMAND = re.compile(r"(?:user (\S+) has|this user has) no permissions to run the '([\w|.-]{1,64})' command", re.I)
_OTHERS = (
    (
        r"no permissions to access|can't access at least one of the keys",
        f"its login may not use our keys: let an administrator add {OUR_KEYS} to it, with ACL SETUSER",
    ),
    (
        "can't run this command",  # Redis 7.0, of a script
        "its login may not run a command that a script needs; newar doctor says which",
    ),
    (
        "read ?only replica|link with (master|primary) is down",
        "it is a replica, which takes no writes: write the address of the primary into REDIS_URL",
    ),
    (
        "misconf",
        "it takes no writes, since it cannot write to its disk, which is full or fails: give it room. It goes on by "
        "itself then",
    ),
    (
        "used memory > 'maxmemory'",
        "it is at its maxmemory and takes nothing more: raise maxmemory. What is in the queue is sent all the same",
    ),
    (
        "invalid username-password pair",
        "the user or the password in REDIS_URL is wrong, or that user is off. Write them again (% @ : / # in passwords "
        "are %25 %40 %3A %2F %23), or let an administrator run ACL SETUSER with on and the password",
    ),
    (
        "authentication required",
        "it wants a login, and REDIS_URL has none: write redis://USER:PASSWORD@HOST:6379/0, "
        "or redis://:PASSWORD@HOST:6379/0 for the user named default",
    ),
    (
        "without any password configured",
        "REDIS_URL has a password, and the user named default has none: leave it out, or name the user it belongs to",
    ),
)


class NotPermitted(RedisError):
    """Our login lacks these ACL rules."""

    def __init__(self, user: str, rules: Sequence[str]) -> None:
        lacking = ", ".join(map(in_words, rules))
        super().__init__(f"its login may not run {lacking}: let an administrator run {grant(user, rules)}")


def refusal(error: BaseException) -> str | None:
    """Return why Redis refuses us and what to write, to be read behind its name; None for all other errors."""
    if not isinstance(error, RedisError) or isinstance(error, NotPermitted):
        return str(error) if isinstance(error, NotPermitted) else None
    text = str(error)
    if found := _COMMAND.search(text):
        return str(NotPermitted(found[1] or "USER", allowing([found[2].lower()])))
    return next((mend for pattern, mend in _OTHERS if re.search(pattern, text, re.I)), None)
