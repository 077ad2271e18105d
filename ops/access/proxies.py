"""Whose word on where a request came from counts. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

Headers = Iterable[tuple[bytes, bytes]]
MOST_HOPS = 20
_SIGNS = frozenset({"forwarded", "via", "x-real-ip", "x-client-ip", "true-client-ip", "cf-connecting-ip"})


def networks(text: str | None) -> list[IPv4Network | IPv6Network]:
    """Read addresses and networks with commas between. ValueError says which is none."""
    found = []
    for part in filter(None, map(str.strip, (text or "").split(","))):
        try:
            found.append(ip_network(part))
        except ValueError:
            raise ValueError(f"{part} is no address and no network, as 10.0.0.5 or 10.0.0.0/8 are") from None
    return found


class TrustedProxies:
    """Proxies that say truly, in X-Forwarded-For, from whom a request came to them."""

    def __init__(self, text: str | None) -> None:
        self._networks = networks(text)

    def has(self, address: str) -> bool:
        """Tell whether it is one of them."""
        ip = _read(address)
        return ip is not None and any(ip in network for network in self._networks)

    def client(self, peer: str, headers: Headers) -> str:
        """Return from whom a request came.

        That is the last address that no proxy of ours has: what stands before it, anybody could have written. Where a
        proxy says nothing that can be read, it is the proxy.
        """
        if not self._networks or not self.has(peer):
            return peer
        said = b",".join(value for name, value in headers if name.lower() == b"x-forwarded-for").decode("latin-1")
        client = peer
        for hop in said.split(",")[: -MOST_HOPS - 1 : -1]:
            ip = _read(_without_port(hop.strip()))
            if ip is None:
                break
            client = str(ip)
            if not self.has(client):
                break
        return client


def sign_of_proxy(headers: Iterable[str], http_version: str) -> str | None:
    """Return by what a request is known to have come through a proxy; None: nothing shows it.

    HTTP/1.0 is what nginx speaks to what stands behind it when it is told nothing else; browsers have long ceased to.
    """
    named = (name for name in headers if name.lower() in _SIGNS or name.lower().startswith("x-forwarded"))
    return next(named, "HTTP/1.0" if http_version == "1.0" else None)


def _read(address: str) -> IPv4Address | IPv6Address | None:
    try:
        ip = ip_address(address.partition("%")[0])
    except ValueError:
        return None
    return ip.ipv4_mapped or ip if isinstance(ip, IPv6Address) else ip


def _without_port(hop: str) -> str:
    """Some proxies write 203.0.113.7:4711 or [2001:db8::1]:4711."""
    if hop.startswith("["):
        return hop[1:].partition("]")[0]
    return hop.partition(":")[0] if hop.count(":") == 1 else hop
