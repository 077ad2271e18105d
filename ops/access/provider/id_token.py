"""What an ID token vouches for, once it was verified as OpenID Connect Core 3.1.3.7 says. Pure but for the clock."""

from __future__ import annotations

import hmac
import re
from collections.abc import Mapping
from typing import Any

import msgspec
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from ops.access.caller import Role
from ops.access.names import LONGEST

ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "Ed25519", "EdDSA")
"""Signed with a key that only the provider has: neither unsigned (`none`) nor by a secret that is ours too (HS256)."""
LEEWAY_S = 60
_NOT_IN_NAMES = re.compile(r"[^A-Za-z0-9.@_+-]")


class BadIdToken(Exception):
    """The provider's token does not prove who it is; the text says what is wrong, and holds nothing of it."""


class Vouched(msgspec.Struct, frozen=True, kw_only=True):
    """Whom the provider vouches for."""

    subject: str
    """Issuer and subject: never another person's."""
    name: str
    role: Role | None
    """None: none of theirs has a role here."""


def verified(token: str, keys: KeySet, *, issuer: str, client_id: str, nonce: str) -> Mapping[str, Any]:
    """Return the claims of a token that is for us, now, and for this sign-in.

    Raises:
        BadIdToken: it is not.
    """
    try:
        claims: dict[str, Any] = jwt.decode(token, keys, algorithms=list(ALGORITHMS)).claims
        registry = jwt.JWTClaimsRegistry(
            leeway=LEEWAY_S,
            iss={"essential": True, "value": issuer},
            aud={"essential": True, "value": client_id},
            exp={"essential": True},
            iat={"essential": True},
            sub={"essential": True},
            nonce={"essential": True},
        )
        registry.validate(claims)
    except (JoseError, ValueError, TypeError, KeyError) as exc:
        raise BadIdToken(f"the provider's ID token is not accepted ({type(exc).__name__})") from None
    given, several = claims["nonce"], isinstance(claims["aud"], list) and len(claims["aud"]) > 1
    if not isinstance(given, str) or not hmac.compare_digest(given.encode(), nonce.encode()):
        raise BadIdToken("the provider's ID token is of another sign-in")
    if claims.get("azp", None if several else client_id) != client_id:
        raise BadIdToken("the provider's ID token was made for another service")
    return claims


def vouched(claims: Mapping[str, Any], by_value: Mapping[str, Role], *, role_claim: str, name_claim: str) -> Vouched:
    """Return who somebody is here."""
    held = claims.get(role_claim, [])
    values = [held] if isinstance(held, str) else held if isinstance(held, list) else []
    found = [by_value[value] for value in values if isinstance(value, str) and value in by_value]
    told = claims.get(name_claim)
    name = told if isinstance(told, str) and told else str(claims["sub"])
    return Vouched(
        subject=f"{claims['iss']} {claims['sub']}",
        name=_NOT_IN_NAMES.sub("_", name)[:LONGEST],
        role=max(found, default=None),
    )
