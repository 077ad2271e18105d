"""How many requests each client may still make. Pure: the time is passed in, in seconds of any steady clock."""

from __future__ import annotations

from ipaddress import IPv6Address, ip_address, ip_network

BURST_S = 10.0
"""Who was quiet may ask for as much at once as comes together in so long."""
MOST_CLIENTS = 10_000
_OTHERS = ""
_ROUNDING_S = 1e-6


class Allowances:
    """An allowance for each client, which is used up by requests and comes back by itself."""

    def __init__(self, per_s: float) -> None:
        """`per_s`: requests of one client; 0 for any number."""
        self._per_s = per_s
        self._used_up_to: dict[str, float] = {}
        """By client: when all that it has taken has come back."""

    def take(self, client: str, now_s: float) -> float:
        """Take one request; return 0, or the seconds to wait when there is none to take."""
        wait_s = self.wait_s(client, now_s)
        if not wait_s:
            self.charge(client, 1, now_s)
        return wait_s

    def wait_s(self, client: str, now_s: float) -> float:
        """Return after how many seconds a request may be taken; 0: now."""
        if not self._per_s:
            return 0.0
        ahead_s = self._used_up_to.get(self._bucket(client), 0.0) - now_s
        wait_s = ahead_s + 1 / self._per_s - BURST_S
        return wait_s if wait_s > _ROUNDING_S else 0.0

    def charge(self, client: str, requests: float, now_s: float) -> None:
        """Take more than there may be: what was asked for was dear. Nobody has to wait for longer than a burst."""
        if not self._per_s:
            return
        bucket = self._bucket(client)
        if bucket not in self._used_up_to and len(self._used_up_to) >= MOST_CLIENTS:
            self._forget(now_s)
            bucket = self._bucket(client)
        used_up_to = max(self._used_up_to.get(bucket, 0.0), now_s) + requests / self._per_s
        self._used_up_to[bucket] = min(used_up_to, now_s + 2 * BURST_S)

    def _bucket(self, client: str) -> str:
        """Return where a client is counted; once too many are, newcomers are counted together."""
        known = len(self._used_up_to) < MOST_CLIENTS or client in self._used_up_to
        return client if known else _OTHERS

    def _forget(self, now_s: float) -> None:
        """Forget those who have their whole allowance."""
        self._used_up_to = {client: at_s for client, at_s in self._used_up_to.items() if at_s > now_s}


def client_name(address: str) -> str:
    """Return who an address stands for: one of IPv6 for its network of 64 bits, which is what one customer gets."""
    try:
        ip = ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if isinstance(ip, IPv6Address):
        return str(ip.ipv4_mapped or ip_network((int(ip) >> 64 << 64, 64)))
    return str(ip)
