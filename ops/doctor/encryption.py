"""Whether what goes to a server is encrypted and whether it is known who answers, by its address. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address
from itertools import zip_longest
from pathlib import Path
from typing import Any, NamedTuple

from psycopg import pq
from psycopg.conninfo import conninfo_to_dict
from pydantic import SecretStr
from redis.asyncio.connection import parse_url

from ops.doctor.finding import Finding
from schema.runtime.kafka import servers_of
from schema.runtime.settings import KafkaSettings

_SUPABASE = (".supabase.co", ".supabase.com")
_HERE = ("localhost", "host.docker.internal")
_LIBPQ_ROOT = "~/.postgresql/root.crt"
"""What libpq checks with where no sslrootcert is given."""


def is_near(host: str) -> bool:
    """Say whether what goes to this host stays on this machine or on a network of containers.

    A name without a dot (`postgres`, `redpanda`) is one that Compose gives, whose network nobody else is on. A private
    address tells nothing: LANs and providers' networks have them too, with others on them.
    """
    name = host.strip("[]").lower().rstrip(".")
    if not name or name.startswith(("/", "@")) or name in _HERE or name.endswith(".localhost"):
        return True
    try:
        address = ip_address(name.partition("%")[0])
    except ValueError:
        return "." not in name
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return (mapped or address).is_loopback


def _good(part: str, how: str) -> Finding:
    return Finding(part, "ok", f"connects with TLS, and checks who answers ({how})")


def _near(part: str) -> Finding:
    return Finding(part, "ok", "the way stays on this machine or its containers' network, where TLS may be missing")


class Server(NamedTuple):
    """One of an address. `host` may be empty or a folder of sockets; `at` is its hostaddr, if one is given."""

    host: str
    at: str
    port: int


@dataclass(frozen=True)
class PostgresWay:
    """What libpq makes of an address, its PG… variables included.

    Attributes:
        servers: what it leads to.
        root: the file with authorities, or `system`; where none is given libpq's usual one.
    """

    servers: tuple[Server, ...]
    sslmode: str
    root: str

    @classmethod
    def of(cls, url: SecretStr) -> PostgresWay:
        """Read an address that libpq takes."""
        usual = {d.keyword.decode(): d.val.decode() for d in pq.Conninfo.get_defaults() if d.val is not None}
        options: dict[str, Any] = usual | conninfo_to_dict(url.get_secret_value())
        hosts, at, ports = (str(options.get(name) or "").split(",") for name in ("host", "hostaddr", "port"))
        servers = (
            Server(host or address, address, int(port or ports[0] or 5432))
            for host, address, port in zip_longest(hosts, at, ports[: max(len(hosts), len(at))], fillvalue="")
        )
        root = str(options.get("sslrootcert") or Path(_LIBPQ_ROOT).expanduser())
        return cls(tuple(servers), str(options["sslmode"]), root)

    @property
    def near(self) -> bool:
        """Whether nothing of it leaves this machine or its containers' network."""
        return all(is_near(server.host) for server in self.servers)

    def judged(self, part: str, encrypted: bool | None) -> Finding:
        """Judge it, with what a connection is; `encrypted` is None where there was none."""
        if self.sslmode == "verify-full":
            return _good(part, "sslmode=verify-full")
        if self.near:
            return _near(part)
        return Finding(part, "warn", self._lacking(encrypted), self._mend())

    def _lacking(self, encrypted: bool | None) -> str:
        if encrypted is False or self.sslmode == "disable":
            return f"NOT encrypted (sslmode={self.sslmode}): on the way it can be read and changed"
        if self.sslmode == "verify-ca":
            return "TLS, but whoever has a certificate of the same authority may answer (sslmode=verify-ca)"
        if self.sslmode == "require":
            return "TLS, but nobody checks for sure who answers (sslmode=require)"
        now = "it is encrypted now, but " if encrypted else ""
        return (
            f"sslmode is {self.sslmode}, libpq's choice where none is written: {now}a connection without TLS is taken "
            "without a word, and nobody checks who answers"
        )

    def _mend(self) -> str:
        if any(server.host.lower().endswith(_SUPABASE) for server in self.servers):
            return (
                "download the certificate from the project's dashboard (Database settings, SSL configuration: "
                "prod-ca-2021.crt) and write sslmode=verify-full&sslrootcert=/path/prod-ca-2021.crt in the address"
            )
        return (
            "write sslmode=verify-full&sslrootcert=/path/ca.crt in the address, the file of the authority that signed "
            "the server's certificate"
        )


def redis_finding(part: str, url: SecretStr) -> Finding:
    """Judge REDIS_URL."""
    address = url.get_secret_value()
    options: dict[str, Any] = dict(parse_url(address))
    if not address.startswith("rediss:"):
        if address.startswith("unix:") or is_near(str(options.get("host", ""))):
            return _near(part)
        text = "NOT encrypted (redis://): on the way the password and all else can be read and changed"
        return Finding(part, "warn", text, f"switch TLS on there, and write rediss:// for redis://; {_OWN_AUTHORITY}")
    if options.get("ssl_cert_reqs", "required") != "required":
        return Finding(part, "warn", "TLS, but nobody checks who answers (ssl_cert_reqs)", _CHECKED)
    if not options.get("ssl_check_hostname", True):
        text = "TLS, but whoever has a certificate of the same authority may answer (ssl_check_hostname)"
        return Finding(part, "warn", text, _CHECKED)
    return _good(part, "rediss://")


_OWN_AUTHORITY = "for an authority of your own with ?ssl_ca_certs=/path/ca.crt behind it"
_CHECKED = f"leave that out; {_OWN_AUTHORITY}"


def kafka_finding(part: str, settings: KafkaSettings) -> Finding:
    """Judge KAFKA_SECURITY_PROTOCOL."""
    protocol = settings.kafka_security_protocol
    if "SSL" in protocol:
        return _good(part, protocol)
    if all(is_near(host) for host, _ in servers_of(settings.kafka_bootstrap_servers)):
        return _near(part)
    login = protocol == "SASL_PLAINTEXT"
    password = "the password and " if login and settings.kafka_sasl_mechanism == "PLAIN" else ""
    return Finding(
        part,
        "warn",
        f"NOT encrypted ({protocol}): on the way {password}all events can be read and changed",
        f"KAFKA_SECURITY_PROTOCOL={'SASL_SSL' if login else 'SSL'} and the port for it; for an authority of your own "
        "KAFKA_SSL_CAFILE",
    )
