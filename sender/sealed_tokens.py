"""Page access tokens at rest: sealed before they reach Redis or a table, opened only in a sender."""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV
from pydantic import SecretStr

SEALED_PREFIX = "sealed:"


class TokenUnreadable(Exception):
    """A sealed token does not open with any of the keys in TOKEN_ENCRYPTION_KEY."""


class TokenBox:
    """Seals with the newest key, opens with any.

    AES-SIV gives the same text for the same token, so that the queue can tell a changed token without opening it.
    """

    def __init__(self, keys: SecretStr) -> None:
        self._ciphers = [AESSIV(urlsafe_b64decode(k.strip())) for k in keys.get_secret_value().split(",")]

    def seal(self, token: str) -> str:
        """Return `sealed:` and the ciphertext."""
        return SEALED_PREFIX + urlsafe_b64encode(self._ciphers[0].encrypt(token.encode(), None)).decode()

    def sealed(self, token: str | None) -> str | None:
        """Return a token sealed, as one that is or none at all already is."""
        return token if token is None or token.startswith(SEALED_PREFIX) else self.seal(token)

    def open(self, sealed: str) -> str:
        """Return the token in the clear.

        Raises:
            TokenUnreadable: when the text is not sealed or no key opens it.
        """
        for cipher in self._ciphers:
            try:
                return cipher.decrypt(urlsafe_b64decode(sealed.removeprefix(SEALED_PREFIX)), None).decode()
            except (InvalidTag, ValueError):
                continue
        raise TokenUnreadable("no key in TOKEN_ENCRYPTION_KEY opens this page's token; add the former key")
