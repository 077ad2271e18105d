"""A login of Redis with the documented rights, and what tests take from it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

from redis import Redis

from schema.redis_commands import login_of_our_own

PASSWORD = "PASSWORD"


@contextmanager
def documented_login(admin: Redis, url: str, password: str = PASSWORD) -> Iterator[str]:
    """Make the login by the documented line; yield the address with it and this password."""
    admin.execute_command(*login_of_our_own().split())  # type: ignore[no-untyped-call]  # redis-py
    admin.acl_log_reset()
    address = urlsplit(url)
    try:
        yield f"redis://newar:{password}@{address.hostname}:{address.port}/0"
    finally:
        admin.acl_deluser("newar")


def change_login(admin: Redis, *rules: str) -> None:
    """Add or take away rights."""
    admin.execute_command("ACL", "SETUSER", "newar", *rules)  # type: ignore[no-untyped-call]  # redis-py


@contextmanager
def as_replica(admin: Redis) -> Iterator[None]:
    """Make the server a replica, of one that is not there, so that its data stays."""
    admin.replicaof("127.0.0.1", "1")
    try:
        yield
    finally:
        admin.replicaof("NO", "ONE")
