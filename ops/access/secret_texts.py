"""Secrets that we make: random, shown once, kept only as their hash. Passwords, which people make, are not here."""

from __future__ import annotations

import hashlib
import secrets

KEY_PREFIX = "newar_key_"
"""By this, people and scanners see what it is."""
_BYTES = 32


def new_secret(prefix: str = "") -> str:
    """Return a new one, of 256 random bits: nobody guesses it, so a fast hash is enough."""
    return prefix + secrets.token_urlsafe(_BYTES)


def digest(secret: str) -> bytes:
    """Return what is kept of it. Whatever a client sends has one."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).digest()
