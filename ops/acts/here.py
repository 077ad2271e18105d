"""What acts take of the settings; a service may lack them, since it does without until such an act is asked for."""

from __future__ import annotations

from ops.acts.not_done import CannotNow
from schema.runtime.settings import LogDatabaseSettings, TokenSettings
from schema.text import N_
from sender.sealed_tokens import TokenBox

KEY_MISSING = N_("TOKEN_ENCRYPTION_KEY is not set for this service: it cannot seal or open tokens of pages")


def log_url(settings: LogDatabaseSettings) -> str:
    """Return the log database's address. Raises CannotNow: it is not known here."""
    if settings.log_database_url is None:
        raise CannotNow("LOG_DATABASE_URL is not set for this service: what this needs is in the log database")
    return settings.log_database_url.get_secret_value()


def token_box(settings: TokenSettings) -> TokenBox:
    """Return what seals and opens tokens of pages; without a key it does so with none (CannotNow)."""
    if settings.token_encryption_key is None:
        return _WithoutKey()
    return TokenBox(settings.token_encryption_key)


class _WithoutKey(TokenBox):
    """Fails only when there is a token: many acts meet none."""

    def __init__(self) -> None:
        self._ciphers = []

    def seal(self, token: str) -> str:
        raise CannotNow(KEY_MISSING)

    def open(self, sealed: str) -> str:
        raise CannotNow(KEY_MISSING)
