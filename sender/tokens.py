"""Page access tokens at rest: sealed before they reach Redis or a table, opened only in a sender."""

from __future__ import annotations

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from pydantic import SecretStr

SEALED_PREFIX = "sealed:"


class TokenUnreadable(Exception):
    """A sealed token does not open with any of the keys in TOKEN_ENCRYPTION_KEY."""


class TokenBox:
    """Seals with the newest key, opens with any."""

    def __init__(self, keys: SecretStr) -> None:
        self._fernet = MultiFernet([Fernet(k.strip()) for k in keys.get_secret_value().split(",")])

    def seal(self, token: str) -> str:
        """Return `sealed:` and the ciphertext."""
        return SEALED_PREFIX + self._fernet.encrypt(token.encode()).decode()

    def open(self, sealed: str) -> str:
        """Return the token in the clear.

        Raises:
            TokenUnreadable: when the text is not sealed or no key opens it.
        """
        try:
            return self._fernet.decrypt(sealed.removeprefix(SEALED_PREFIX)).decode()
        except InvalidToken:
            raise TokenUnreadable(
                "no key in TOKEN_ENCRYPTION_KEY opens this page's token; add the former key"
            ) from None
