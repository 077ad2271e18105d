"""Talking to the OpenID provider: its description, its keys, and a code for an ID token (RFC 6749, with PKCE)."""

from __future__ import annotations

import hashlib
import secrets
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, urlencode

import httpx
import msgspec
import trio
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from ops.access.provider.id_token import BadIdToken, Vouched, verified, vouched
from ops.access.provider.provider_settings import ProviderSettings, roles

ANSWER_WITHIN_S = 10.0
KEPT_FOR_S = 3600.0
ASKED_AGAIN_AFTER_S = 30.0
"""So soon at most the keys are asked for again when one is not among them."""
MOST_BYTES = 1_000_000


class ProviderFailed(Exception):
    """The provider does not answer, or not as it should. The text holds no secret."""


class SignInFlow(msgspec.Struct, frozen=True):
    """What a browser keeps between leaving for the provider and coming back."""

    state: str
    nonce: str
    verifier: str
    target: str


class _Description(msgspec.Struct, frozen=True):
    """OpenID Connect Discovery 1.0, as far as it is needed."""

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    token_endpoint_auth_methods_supported: list[str] = msgspec.field(default_factory=lambda: ["client_secret_basic"])


class OpenIdProvider:
    """A Trio object."""

    def __init__(self, settings: ProviderSettings) -> None:
        self._settings = settings
        self._issuer, self._client_id = settings.oidc_issuer or "", settings.oidc_client_id or ""
        self._roles = roles(settings.oidc_roles)
        self._description: tuple[_Description, float] | None = None
        self._keys: tuple[KeySet, float] | None = None

    async def begin(self, target: str) -> tuple[str, SignInFlow]:
        """Return where to send a browser, and what it has to keep. Raises ProviderFailed."""
        described = await self._described()
        state, nonce, verifier = (secrets.token_urlsafe(32) for _ in range(3))
        flow = SignInFlow(state, nonce, verifier, target)
        challenge = urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).decode().rstrip("=")
        query = {
            "response_type": "code",
            "client_id": self._client_id,
            "redirect_uri": self._settings.oidc_redirect_url or "",
            "scope": self._settings.oidc_scopes,
            "state": state,
            "nonce": nonce,
            "code_challenge": challenge,
            "code_challenge_method": "S256",
        }
        joint = "&" if "?" in described.authorization_endpoint else "?"
        return f"{described.authorization_endpoint}{joint}{urlencode(query)}", flow

    async def finish(self, flow: SignInFlow, code: str) -> Vouched:
        """Return whom the provider vouches for.

        Raises:
            ProviderFailed: it does not answer, or refuses the code.
            BadIdToken: its answer proves nothing.
        """
        described = await self._described()
        token = await self._id_token(described, flow, code)
        claims = await self._claims(described, token, flow.nonce)
        settings = self._settings
        return vouched(claims, self._roles, role_claim=settings.oidc_role_claim, name_claim=settings.oidc_name_claim)

    async def _claims(self, described: _Description, token: str, nonce: str) -> Mapping[str, Any]:
        wanted = {"issuer": self._issuer, "client_id": self._client_id, "nonce": nonce}
        try:
            return verified(token, await self._known_keys(described, KEPT_FOR_S), **wanted)
        except BadIdToken:  # its key may be a new one
            return verified(token, await self._known_keys(described, ASKED_AGAIN_AFTER_S), **wanted)

    async def _described(self) -> _Description:
        now = trio.current_time()
        if self._description is not None and now - self._description[1] < KEPT_FOR_S:
            return self._description[0]
        body = await self._answer("GET", f"{self._issuer.rstrip('/')}/.well-known/openid-configuration")
        try:
            described = msgspec.json.decode(body, type=_Description)
        except (msgspec.DecodeError, UnicodeDecodeError):
            raise ProviderFailed("what the OpenID provider says of itself cannot be read") from None
        if described.issuer != self._issuer:
            raise ProviderFailed("the OpenID provider calls itself otherwise: write its issuer into OIDC_ISSUER")
        self._description = described, now
        return described

    async def _known_keys(self, described: _Description, kept_for_s: float) -> KeySet:
        now = trio.current_time()
        if self._keys is not None and now - self._keys[1] < kept_for_s:
            return self._keys[0]
        body = await self._answer("GET", described.jwks_uri)
        try:
            keys = KeySet.import_key_set(msgspec.json.decode(body))
        except (JoseError, ValueError, TypeError, KeyError, AttributeError):
            raise ProviderFailed("the OpenID provider's keys cannot be read") from None
        self._keys = keys, now
        return keys

    async def _id_token(self, described: _Description, flow: SignInFlow, code: str) -> str:
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self._settings.oidc_redirect_url or "",
            "code_verifier": flow.verifier,
        }
        auth: tuple[str, str] | None = None
        secret = self._settings.oidc_client_secret
        if secret is None:
            form["client_id"] = self._client_id
        elif "client_secret_basic" in described.token_endpoint_auth_methods_supported:
            auth = quote(self._client_id, safe=""), quote(secret.get_secret_value(), safe="")
        else:
            form |= {"client_id": self._client_id, "client_secret": secret.get_secret_value()}
        body = await self._answer("POST", described.token_endpoint, data=form, auth=auth)
        try:
            return str(msgspec.json.decode(body)["id_token"])
        except (msgspec.DecodeError, UnicodeDecodeError, KeyError, TypeError):
            raise ProviderFailed("the OpenID provider's answer has no ID token") from None

    async def _answer(self, method: str, url: str, **request: Any) -> bytes:
        try:
            with trio.fail_after(ANSWER_WITHIN_S):
                async with (
                    httpx.AsyncClient(timeout=ANSWER_WITHIN_S) as client,
                    client.stream(method, url, **request) as response,
                ):
                    return await _read(response)
        except trio.TooSlowError:
            raise ProviderFailed(f"the OpenID provider does not answer within {ANSWER_WITHIN_S:.0f} s") from None
        except (httpx.HTTPError, httpx.InvalidURL, OSError) as exc:
            raise ProviderFailed(f"the OpenID provider cannot be asked ({type(exc).__name__})") from None


async def _read(response: httpx.Response) -> bytes:
    body = b""
    async for part in response.aiter_bytes():
        body += part
        if len(body) > MOST_BYTES:
            raise ProviderFailed("the OpenID provider's answer is larger than any should be")
    if response.status_code != 200:
        raise ProviderFailed(f"the OpenID provider answers {response.status_code}")
    return body
