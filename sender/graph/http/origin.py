"""Names the places that connections go to."""

from __future__ import annotations

from typing import NamedTuple
from urllib.parse import urlsplit

DEFAULT_PORTS = {"http": 80, "https": 443}


class Origin(NamedTuple):
    """Scheme, host and port: connections to one origin are interchangeable."""

    tls: bool
    host: str
    """A DNS name in ASCII, or an address (IPv6 without brackets)."""
    port: int

    @classmethod
    def from_url(cls, url: str) -> Origin:
        """Take scheme, host and port from an http or https URL.

        Raises:
            ValueError: another scheme, no host or not an ASCII one, or a port out of range.
        """
        parts = urlsplit(url)
        if parts.scheme not in DEFAULT_PORTS or not parts.hostname or not parts.hostname.isascii():
            raise ValueError(f"not an http:// or https:// address: {parts.scheme}://{parts.hostname or ''}")
        return cls(parts.scheme == "https", parts.hostname, parts.port or DEFAULT_PORTS[parts.scheme])

    @property
    def authority(self) -> str:
        """Host and port as HTTP writes them."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"
