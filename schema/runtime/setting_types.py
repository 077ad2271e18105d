"""What addresses, keys and files a setting may hold. Errors say what to write instead, never what was given."""

from __future__ import annotations

import base64
import re
import ssl
from typing import Annotated, Any
from urllib.parse import SplitResult, urlsplit

from pydantic import AfterValidator, SecretStr

from schema.runtime.redis_address import sentinels_at, without_ours


def _url(*schemes: str) -> AfterValidator:
    def check(value: SecretStr) -> SecretStr:
        if not value.get_secret_value().startswith(tuple(f"{s}://" for s in schemes)):
            raise ValueError(f"must begin with {' or '.join(f'{s}://' for s in schemes)}")
        return value

    return AfterValidator(check)


_UNREADABLE_ADDRESS = "cannot be read as an address; % @ : / # in the password are written %25 %40 %3A %2F %23"


def split_address(url: str) -> SplitResult:
    """Split an address. ValueError: it cannot be read; the library's own text may hold pieces of the password."""
    try:
        return urlsplit(url)
    except ValueError:
        raise ValueError(_UNREADABLE_ADDRESS) from None


def _postgres_address(value: SecretStr) -> SecretStr:
    parts = split_address(value.get_secret_value())
    if parts.netloc.count("@") > 1:  # libpq takes what follows the first for the host
        raise ValueError(_UNREADABLE_ADDRESS)
    return value


def _redis_address(value: SecretStr) -> SecretStr:
    from redis.asyncio.connection import parse_url  # noqa: PLC0415 - not everybody has such an address

    url = without_ours(value.get_secret_value())
    try:
        options = parse_url(url)
    except ValueError:
        raise ValueError(_UNREADABLE_ADDRESS) from None
    _check_redis_options(url)
    if (authorities := options.get("ssl_ca_certs")) is not None:
        _ca_file(str(authorities), name="ssl_ca_certs ")
    if not url.startswith("unix:") and not re.fullmatch(r"/?[0-9]*", split_address(url).path):
        raise ValueError("must end with the number of a database, or without one")
    return value


def _check_redis_options(url: str) -> None:
    """Refuse names behind the ? that nobody knows: they would end a service at its first connection."""
    from redis.asyncio.connection import ConnectionPool  # noqa: PLC0415 - as above

    try:
        pool: Any = ConnectionPool.from_url(url)
        pool.make_connection()  # which connects at its first command
    except TypeError as exc:
        name = re.search(r"argument '(\w{1,40})'", str(exc))
        if name is None or "@" in split_address(url).query:  # it may be a piece of the password
            raise ValueError(_UNREADABLE_ADDRESS) from None
        own = "; with TLS the address begins with rediss://" if name[1].startswith("ssl_") else ""
        raise ValueError(f"nobody knows the option {name[1]} behind the ?{own}") from None


def _sentinels(value: SecretStr) -> SecretStr:
    sentinels_at(value.get_secret_value())
    return value


def _bootstrap(value: str) -> str:
    for server in value.split(","):
        if not re.fullmatch(r"[^\s:/]+:\d{1,5}|\[[0-9a-fA-F:]+\]:\d{1,5}", server.strip()):
            raise ValueError("must be host:port, or several with commas between")
    return value


def _encryption_keys(value: SecretStr) -> SecretStr:
    for part in value.get_secret_value().split(","):
        try:
            length = len(base64.b64decode(part.strip(), altchars=b"-_", validate=True))
        except ValueError:
            length = 0
        if length != 32:
            raise ValueError("must be 32 bytes in URL-safe base64 (several with commas to rotate)")
    return value


def _ca_file(value: str, name: str = "") -> str:
    try:
        ssl.create_default_context(cafile=value)
    except OSError as exc:  # an SSLError is one too
        raise ValueError(f"{name}is not a file with certificates in PEM that can be read ({exc.strerror})") from None
    return value


CaFile = Annotated[str, AfterValidator(_ca_file)]
KafkaServers = Annotated[str, AfterValidator(_bootstrap)]
Sentinels = Annotated[SecretStr, AfterValidator(_sentinels)]
RedisUrl = Annotated[SecretStr, _url("redis", "rediss", "unix"), AfterValidator(_redis_address)]
PostgresUrl = Annotated[SecretStr, _url("postgresql", "postgres"), AfterValidator(_postgres_address)]
TokenKeys = Annotated[SecretStr, AfterValidator(_encryption_keys)]
KAFKA_EXAMPLE = "redpanda.example.com:9092"
LOG_DATABASE_EXAMPLE = "postgresql://newar:password@db.example.com:5432/newar"
