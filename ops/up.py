"""All four services in one nursery, on local servers where no address is configured."""

from __future__ import annotations

import base64
import secrets
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import structlog
import trio
from pydantic import SecretStr

from ingest.app import serve as serve_ingest
from ingest.settings import IngestSettings
from ops.api.app import serve as serve_api
from ops.api.settings import ApiSettings, guarded
from ops.local.servers import LocalAddresses, open_servers
from ops.settings_check import check_addresses
from schema.migrate import migrate
from schema.runtime.asyncio_door import aio
from schema.runtime.settings import ENV_FILE, UP_FILE, Settings, SettingsError, load
from schema.runtime.stop import Stop
from sender.app import serve as serve_sender
from sender.runs.app import serve as serve_runs
from sender.runs.settings import RunsSettings
from sender.settings import SenderSettings

log = structlog.get_logger()


class Given(Settings):
    """The addresses and the key that may be missing here, because `up` makes what is not given."""

    redis_url: SecretStr | None = None
    kafka_bootstrap_servers: str | None = None
    log_database_url: SecretStr | None = None
    token_encryption_key: SecretStr | None = None


@dataclass(frozen=True)
class AllSettings:
    """The settings of the four services."""

    runs: RunsSettings
    sender: SenderSettings
    ingest: IngestSettings
    api: ApiSettings


def wanted_servers(given: Given) -> set[str]:
    """Return the local servers to start: those without an address."""
    addresses = {
        "redis": given.redis_url,
        "kafka": given.kafka_bootstrap_servers,
        "postgres": given.log_database_url,
    }
    return {name for name, address in addresses.items() if address is None}


def token_key(data: Path) -> str:
    """Return the encryption key kept in this data folder; make one at the first time."""
    file = data / "token-encryption-key"
    if not file.exists():
        data.mkdir(parents=True, exist_ok=True)
        file.touch(mode=0o600, exist_ok=True)
        file.write_text(base64.urlsafe_b64encode(secrets.token_bytes(32)).decode())
    return file.read_text().strip()


def settings_with(values: dict[str, object], *, env_file: str | None = ENV_FILE) -> AllSettings:
    """Load the settings of all services, with `values` (by field name) for those who have such a field.

    Raises:
        SettingsError: with the problems of all services at once.
    """
    problems: dict[str, None] = {}
    loaded: list[Settings] = []
    for kind in (RunsSettings, SenderSettings, IngestSettings, ApiSettings):
        mine = {name: value for name, value in values.items() if name in kind.model_fields}
        try:
            loaded.append(load(kind, env_file=env_file, **mine))
            check_addresses(loaded[-1])
        except SettingsError as exc:
            problems.update(dict.fromkeys(exc.problems))
    if problems:
        raise SettingsError(list(problems))
    runs, sender, ingest, api = loaded
    assert isinstance(runs, RunsSettings)  # noqa: S101 - for the type checker
    assert isinstance(sender, SenderSettings)  # noqa: S101
    assert isinstance(ingest, IngestSettings)  # noqa: S101
    assert isinstance(api, ApiSettings)  # noqa: S101
    return AllSettings(runs, sender, ingest, api)


def local_values(local: LocalAddresses) -> dict[str, object]:
    """Return the settings that follow from the local servers that were started."""
    values: dict[str, object] = {
        "redis_url": local.redis_url,
        "kafka_bootstrap_servers": local.kafka_bootstrap,
        "log_database_url": local.postgres_url,
    }
    if local.kafka_is_volatile:
        values["outbox_trim"] = "committed"
    return {name: value for name, value in values.items() if value is not None}


@asynccontextmanager
async def open_stack(data: Path, **values: object) -> AsyncIterator[AllSettings]:
    """Start the local servers that are needed, bring the log database up to date, yield everybody's settings."""
    given = load(Given, env_file=ENV_FILE)
    if given.token_encryption_key is None:
        values["token_encryption_key"] = token_key(data)
    settings_with({**_placeholders(given), **values})  # wrong settings are told before anything starts
    async with open_servers(data, wanted_servers(given)) as local:
        made = {**local_values(local), **values}
        settings = settings_with(made)
        await aio(migrate, settings.ingest.log_database_url.get_secret_value())
        with _addresses_in(data / Path(UP_FILE).name, made):
            yield settings


@contextmanager
def _addresses_in(file: Path, made: dict[str, object]) -> Iterator[None]:
    """Keep what was made here in a file, so that other commands in this folder find the same servers."""
    if not made:
        yield  # all was given, so the others know it too; and there may be no folder
        return
    file.unlink(missing_ok=True)
    file.touch(mode=0o600)
    file.write_text("".join(f"{name.upper()}={value}\n" for name, value in made.items()))
    try:
        yield
    finally:
        file.unlink(missing_ok=True)


def _placeholders(given: Given) -> dict[str, object]:
    """Return addresses that only serve to check the other settings."""
    samples = {
        "redis": ("redis_url", "redis://127.0.0.1:1/0"),
        "kafka": ("kafka_bootstrap_servers", "127.0.0.1:1"),
        "postgres": ("log_database_url", "postgresql://127.0.0.1:1/newar"),
    }
    return dict(samples[name] for name in wanted_servers(given))


async def serve_all(
    settings: AllSettings, stop: Stop, *, task_status: trio.TaskStatus[str] = trio.TASK_STATUS_IGNORED
) -> None:
    """Run the four services until a stop; who others rely on ends last. `started` gets the address of the API."""
    last = Stop(settings.ingest.drain_timeout_ms / 1000)
    async with trio.open_nursery() as behind:
        url: str = await behind.start(serve_api, settings.api, last)
        behind.start_soon(serve_ingest, settings.ingest, last)
        async with trio.open_nursery() as front:
            front.start_soon(serve_runs, settings.runs, stop)
            front.start_soon(serve_sender, settings.sender, stop)
            task_status.started(url)
        last.request()
        if stop.cut_short.is_set():
            last.request()


async def up(data: Path, stop: Stop, *, show_token: Callable[[str], None], terminal: bool) -> None:
    """Serve everything until a stop is requested.

    Args:
        data: folder of the local servers and the encryption key.
        stop: ends the services.
        show_token: called once with a token that was made because none was set.
        terminal: whether somebody is there to read it.

    Raises:
        SettingsError: before anything was started.
        LocalServerFailed, LocalServerDied: a local server could not be started, or ended.
    """
    async with open_stack(data) as settings, trio.open_nursery() as nursery:
        api, token = guarded(settings.api, terminal=terminal)
        if token is not None:
            show_token(token)
        url: str = await nursery.start(serve_all, replace(settings, api=api), stop)
        log.info("newar_is_up", dashboard=f"{url}/admin/queues", data=str(data))
