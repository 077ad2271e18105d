"""Doors with TLS before the real servers, with good certificates and bad ones."""

from __future__ import annotations

import ssl
import warnings
from contextlib import ExitStack
from pathlib import Path

from tests.tls.certificates import EXPIRED, NOT_YET_VALID, Authority
from tests.tls.door import tls_door

NAME = "db.newar.test"
"""Has a dot, so that the doctor takes it for far away. No resolver knows it: libpq is told where it is."""
_NAMES = (NAME, "127.0.0.1")

TROUBLES = {
    "expired": "has expired",
    "not yet valid": "is not valid yet",
    "another name": "is for another name",
    "unknown authority": "signed by an authority that is not known here",
    "old version": "share no version of TLS",
    "client certificate": "wants a certificate of ours",
}
"""A door's kind -> what is said of it."""


class Doors:
    """Opens doors. `ca_file`: whom to trust; all doors but one of an unknown authority have their certificate of it."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        (folder / "other").mkdir()
        self._authority, self._other = Authority(folder), Authority(folder / "other")
        self._stack = stack
        self.ca_file = self._authority.ca_file

    def open(self, server: str, kind: str = "good", *, postgres: bool = False) -> int:
        """Return the port of a door before `server` (host:port)."""
        return self._stack.enter_context(tls_door(server, self._context(kind), postgres=postgres))

    def postgres(self, url: str, kind: str = "good", **parameters: object) -> str:
        """Return the address of a PostgreSQL, through a door."""
        port = self.open(_server(url), kind, postgres=True)
        query = "&".join(f"{name}={value}" for name, value in {"hostaddr": "127.0.0.1", **parameters}.items())
        return url.replace(_server(url), f"{NAME}:{port}") + f"?{query}"

    def checked_postgres(self, url: str, kind: str = "good") -> str:
        """Return the same, with the server checked."""
        return self.postgres(url, kind, sslmode="verify-full", sslrootcert=self.ca_file)

    def checked_redis(self, url: str, kind: str = "good") -> str:
        """Return the address of a Redis, through a door, with the server checked."""
        address = url.replace(_server(url), f"127.0.0.1:{self.open(_server(url), kind)}")
        return f"{address.replace('redis:', 'rediss:')}?ssl_ca_certs={self.ca_file}"

    def _context(self, kind: str) -> ssl.SSLContext:
        match kind:
            case "expired":
                return self._authority.server_context(*_NAMES, valid=EXPIRED)
            case "not yet valid":
                return self._authority.server_context(*_NAMES, valid=NOT_YET_VALID)
            case "another name":
                return self._authority.server_context("other.example.com")
            case "unknown authority":
                return self._other.server_context(*_NAMES)
        context = self._authority.server_context(*_NAMES)
        if kind == "old version":
            with warnings.catch_warnings(action="ignore"):  # of versions that nobody should use
                context.minimum_version = ssl.TLSVersion.TLSv1
                context.maximum_version = ssl.TLSVersion.TLSv1_1
            context.set_ciphers("ALL:@SECLEVEL=0")
        if kind == "client certificate":
            context.verify_mode = ssl.CERT_REQUIRED
            context.load_verify_locations(self.ca_file)
        return context


def _server(url: str) -> str:
    return url.split("@")[1].split("/", maxsplit=1)[0]
