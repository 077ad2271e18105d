"""The base of every settings class, the groups that several services share, and errors that say what to write."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeVar

from pydantic import Field, SecretStr, ValidationError, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from schema.runtime import old_names
from schema.runtime.given import ENV_FILE, FILES, given_by_people
from schema.runtime.redis_address import MarkReplicas, address_with
from schema.runtime.setting_types import (
    KAFKA_EXAMPLE,
    LOG_DATABASE_EXAMPLE,
    CaFile,
    KafkaServers,
    PostgresUrl,
    RedisUrl,
    Sentinels,
    TokenKeys,
)
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


class RedisSettings(Settings):
    """Where the queue lives."""

    redis_sentinels: Sentinels | None = Field(
        default=None,
        description="Sentinels that know the primary of Redis; the host of REDIS_URL is then the name they have for it",
        examples=["sentinel-1.example.com:26379,sentinel-2.example.com:26379,sentinel-3.example.com:26379"],
    )
    redis_mark_replicas: int = Field(
        default=0,
        ge=0,
        le=10,
        description=(
            "replicas of Redis that must know of a message before it may leave, so that one which takes over sends "
            "nothing twice; 0: none is waited for"
        ),
    )
    redis_mark_replicas_within_ms: int = Field(
        default=1000,
        ge=10,
        le=5000,
        description="with REDIS_MARK_REPLICAS: how long they may take; after that nothing is sent until they answer",
    )
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

    @field_validator("redis_url")
    @classmethod
    def _with_its_replicas(cls, url: SecretStr | None, info: ValidationInfo) -> SecretStr | None:
        """Put into the address what goes with it: whoever has the address opens Redis the right way."""
        if url is None:
            return None
        sentinels: SecretStr | None = info.data.get("redis_sentinels")
        wanted, within_ms = info.data.get("redis_mark_replicas", 0), info.data.get("redis_mark_replicas_within_ms", 0)
        given = sentinels.get_secret_value() if sentinels else None
        return SecretStr(
            address_with(url.get_secret_value(), sentinels=given, replicas=MarkReplicas(wanted, within_ms))
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
