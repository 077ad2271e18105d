"""The base of every settings class, the groups that several services share, and errors that say what to write."""

from __future__ import annotations

import base64
import re
import ssl
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeVar
from urllib.parse import SplitResult, urlsplit

from pydantic import AfterValidator, Field, SecretStr, ValidationError, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from schema.runtime import old_names
from schema.runtime.given import ENV_FILE, FILES, given_by_people
from schema.runtime.text_files import UTF8, encoding_of
from schema.topic import TOPIC

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

S = TypeVar("S", bound="Settings")


class SettingsError(Exception):
    """One or more settings are missing or impossible. `problems` has a line for each, with what to write."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


class Settings(BaseSettings):
    """A frozen value, read once from the environment (and an `.env` file) at the entry point."""

    model_config = SettingsConfigDict(frozen=True, extra="ignore", env_ignore_empty=True)


def load(kind: type[S], *, env_file: str | tuple[str, ...] | None = FILES, **values: object) -> S:
    """Read settings of this class; `values` (by field name) come before what the environment says.

    A setting that only the original's names give is read from these.

    Raises:
        SettingsError: naming every missing or malformed setting at once, without their values.
    """
    old: dict[str, old_names.Read] = {}
    try:
        given = given_by_people(env_file)
        found = old_names.read(given)
        for field in kind.model_fields.keys() - values.keys():
            if (name := setting_name(field)) in found and name not in given:
                old[field] = found[name]
        made = {field: read.value for field, read in old.items()}
        return kind(_env_file=env_file, _env_file_encoding=UTF8, **made, **values)  # type: ignore[call-arg]  # BaseSettings takes them
    except ValidationError as exc:
        raise SettingsError([_problem(kind, error, old) for error in exc.errors(include_input=False)]) from None
    except UnicodeDecodeError:
        raise SettingsError([_not_utf8(env_file)]) from None


def _not_utf8(env_file: str | tuple[str, ...] | None) -> str:
    files = [Path(name) for name in ((env_file,) if isinstance(env_file, str) else env_file or ())]
    utf16 = [file for file in files if file.is_file() and encoding_of(file) != UTF8]
    return (
        f"{utf16[0]} is UTF-16: save it as UTF-8"
        if utf16
        else f"{' or '.join(map(str, files))} is not UTF-8: save it so"
    )


def setting_name(field: str) -> str:
    """Return the name of a field in the environment."""
    return field.upper()


def _problem(kind: type[Settings], error: ErrorDetails, old: Mapping[str, old_names.Read]) -> str:
    location = error["loc"]
    if not location:  # of several settings together
        return error["msg"].removeprefix("Value error, ")
    field = str(location[0])
    name = setting_name(field)
    examples = kind.model_fields[field].examples if field in kind.model_fields else None
    hint = _hint(name, str(examples[0])) if examples else ""
    if error["type"] == "missing":
        return f"{name} is not set{hint}"
    written = ", ".join(old[field].names) if field in old else name
    return f"{written}: {error['msg'].removeprefix('Value error, ')}{hint}"


def _hint(name: str, example: str) -> str:
    """Say what to write. A command among it would stay a text in `.env`, so a shell has to write it there."""
    if example.startswith("$("):
        return f"; add one with: printf '\\n{name}=%s\\n' \"{example}\" >> {ENV_FILE}"
    return f"; write for example {name}={example}"


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

    url = value.get_secret_value()
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
RedisUrl = Annotated[SecretStr, _url("redis", "rediss", "unix"), AfterValidator(_redis_address)]
PostgresUrl = Annotated[SecretStr, _url("postgresql", "postgres"), AfterValidator(_postgres_address)]
TokenKeys = Annotated[SecretStr, AfterValidator(_encryption_keys)]
KAFKA_EXAMPLE = "redpanda.example.com:9092"
LOG_DATABASE_EXAMPLE = "postgresql://newar:password@db.example.com:5432/newar"


class RedisSettings(Settings):
    """Where the queue lives."""

    redis_url: RedisUrl = Field(
        description="Redis or Valkey with the queue",
        examples=["redis://:password@redis.example.com:6379/0"],
    )
    redis_maxmemory_bytes: int | None = Field(
        default=None,
        ge=1,
        description="Redis's maxmemory, where INFO is refused or a container allows less",
        examples=[2147483648],
    )
    redis_reserve_share: float = Field(
        default=0.1,
        ge=0,
        le=0.9,
        description="of Redis's maxmemory: where only this share is free nothing is enqueued, so that what is in the "
        "queue can be sent",
        examples=[0.1],
    )


class KafkaSettings(Settings):
    """Where the log topic lives."""

    kafka_bootstrap_servers: KafkaServers = Field(
        description="Redpanda or Kafka that carries the log", examples=[KAFKA_EXAMPLE]
    )
    kafka_topic: str = Field(default=TOPIC, description="the log topic; made with 12 partitions when missing")
    kafka_security_protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = Field(
        default="PLAINTEXT", description="how to connect to the broker"
    )
    kafka_sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] = Field(
        default="PLAIN", description="with a SASL protocol: how to log in"
    )
    kafka_sasl_username: str | None = Field(default=None, description="with a SASL protocol")
    kafka_sasl_password: SecretStr | None = Field(default=None, description="with a SASL protocol")
    kafka_ssl_cafile: CaFile | None = Field(default=None, description="CA file, when not the system's")

    @field_validator("kafka_sasl_password")
    @classmethod
    def _sasl_needs_a_login(cls, password: SecretStr | None, info: ValidationInfo) -> SecretStr | None:
        protocol = info.data.get("kafka_security_protocol", "")
        if protocol.startswith("SASL") and not (info.data.get("kafka_sasl_username") and password):
            raise ValueError(
                f"KAFKA_SECURITY_PROTOCOL={protocol} needs KAFKA_SASL_USERNAME and KAFKA_SASL_PASSWORD; set both, or "
                "KAFKA_SECURITY_PROTOCOL=PLAINTEXT"
            )
        return password


class LogDatabaseSettings(Settings):
    """Where the log is kept."""

    log_database_url: PostgresUrl = Field(
        description="PostgreSQL 15+ with the message log and the run registry",
        examples=[LOG_DATABASE_EXAMPLE],
    )


class SourceDatabaseSettings(Settings):
    """Where runs and recipients come from."""

    source_database_url: PostgresUrl | None = Field(
        default=None,
        description="Supabase's Postgres, read only; without it only submitted runs are sent",
        examples=["postgresql://postgres.project:password@pooler.example.com:6543/postgres"],
    )
    source_runs_view: str = Field(default="newar_runs", description="view with the runs")
    source_recipients_view: str = Field(default="newar_recipients", description="view with the recipients")
    source_pages_view: str = Field(default="newar_pages", description="view with the pages; may be missing")


class TokenSettings(Settings):
    """How page tokens are kept."""

    token_encryption_key: TokenKeys = Field(
        description="encrypts page tokens in Redis and submitted runs; several with commas to rotate, newest first",
        examples=["$(openssl rand -base64 32 | tr '+/' '-_')"],
    )


class WindowSettings(Settings):
    """Whether people who did not write lately are spared; the run processor and the sender must agree."""

    enforce_messaging_window: bool = Field(
        default=True,
        description="suppress UPDATE and RESPONSE messages to people who did not write within 24 hours",
    )
