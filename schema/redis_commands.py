"""What a login of Redis or Valkey must be allowed, for all services and commands together: this list, and nothing else.

None of it is in `@dangerous` or `@admin`. What the scripts call counts too: they run with the rights of their caller.
"""

from __future__ import annotations

from collections.abc import Iterable

KEYS = "newar:*"
"""All keys begin so; see schema/keys.py."""

SHOWN_BY_USE = ("evalsha", "script|load", "select")
"""Whoever may not run these cannot even ask what else it may (`select`: with another database than 0)."""

TRIALS = (
    *("time", "copy k k", "del k", "exists k", "expire k 1", "pexpire k 1", "rename k k", "get k", "setnx k v"),
    *("hdel k f", "hexists k f", "hget k f", "hgetall k", "hincrby k f 1", "hkeys k", "hlen k", "hmget k f"),
    *("hset k f v", "hsetnx k f v", "hvals k", "llen k", "lpop k", "lpush k v", "rpush k v"),
    *("sadd k v", "sismember k v", "smembers k", "spop k", "srandmember k", "srem k v"),
    *("xadd k * f v", "xlen k", "xrange k - +", "xrevrange k + -", "xtrim k MAXLEN 1"),
    *("zadd k 1 v", "zcard k", "zincrby k 1 v", "zmscore k v", "zpopmin k", "zrange k 0 0", "zrem k v"),
    *("zremrangebyscore k 0 0", "zscore k v"),
)
"""The others, as app/permissions.lua tries them, `k` being a key that does not exist."""

NEEDED = (*SHOWN_BY_USE, *(trial.partition(" ")[0] for trial in TRIALS))
"""As ACL rules name them, without the `+`."""

HELPFUL = ("client|setinfo", "memory|stats", "wait")
"""Works without them: the name of the client library in CLIENT LIST; how full the memory is, where INFO is refused; all
but REDIS_MARK_REPLICAS."""


OUR_KEYS = f"~{KEYS}"
"""The ACL rule that allows them. It is refused where all keys are allowed already."""


def allowing(commands: Iterable[str]) -> list[str]:
    """Return the ACL rules that allow these."""
    return [f"+{command}" for command in commands]


def in_words(rule: str) -> str:
    """Return what an ACL rule allows: `XADD`, `SCRIPT LOAD`, or our keys."""
    return rule[1:].upper().replace("|", " ") if rule.startswith("+") else f"anything on keys named {rule[1:]}"


def grant(user: str, rules: Iterable[str]) -> str:
    """Return what an administrator runs so that a login that exists gets these ACL rules besides."""
    return " ".join(["ACL SETUSER", user, *rules])


def login_of_our_own() -> str:
    """Return what an administrator runs to make a login that may do what is needed, and nothing else."""
    return grant("newar", ["on", ">PASSWORD", "resetchannels", OUR_KEYS, "-@all", *allowing(NEEDED)])
