"""Which connections go through the HTTPS proxy; opening the tunnel is the dialler's work."""

from __future__ import annotations

import base64
import ipaddress
import urllib.request
from dataclasses import dataclass, field
from urllib.parse import unquote, urlsplit

from sender.graph.http.origin import Origin


@dataclass(frozen=True, slots=True)
class ProxySettings:
    """An HTTP proxy that tunnels (CONNECT) connections to `https` origins. Plain `http` ones go directly.

    Attributes:
        authorization: value of `Proxy-Authorization`; kept out of repr and errors.
        no_proxy: hosts (also with port) separated by commas, each for its subdomains too; `*` for all.
    """

    host: str
    port: int
    authorization: str | None = field(default=None, repr=False)
    no_proxy: str = ""

    @classmethod
    def from_url(cls, url: str, no_proxy: str = "") -> ProxySettings:
        """Read `http://user:password@host:port`.

        Raises:
            ValueError: not an `http://` proxy; the message names no credentials.
        """
        try:
            parts = urlsplit(url if "://" in url else f"http://{url}")
            port = parts.port or 80
        except ValueError:  # its text may hold pieces of the password
            raise ValueError("HTTPS_PROXY cannot be read as an address: write http://host:port") from None
        if parts.scheme != "http" or not parts.hostname:
            raise ValueError("HTTPS_PROXY must be http://host:port")
        authorization = None
        if parts.username is not None:
            credentials = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
            authorization = f"Basic {base64.b64encode(credentials.encode()).decode()}"
        return cls(parts.hostname, port, authorization, no_proxy)

    @classmethod
    def from_environment(cls) -> ProxySettings | None:
        """Read HTTPS_PROXY and NO_PROXY (or lower case). For entry points only. Raises ValueError."""
        found = urllib.request.getproxies_environment()
        return cls.from_url(found["https"], found.get("no", "")) if "https" in found else None

    def applies_to(self, origin: Origin) -> bool:
        """Tell whether a connection goes through the proxy; one to this very machine never does."""
        if not origin.tls or _is_loopback(origin.host):
            return False
        return not any(_matches(entry.strip().lower(), origin) for entry in self.no_proxy.split(","))


def _matches(entry: str, origin: Origin) -> bool:
    if entry in ("*", origin.host, origin.authority):
        return True
    domain = entry.lstrip(".")
    return bool(domain) and (origin.host == domain or origin.host.endswith(f".{domain}"))


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")
