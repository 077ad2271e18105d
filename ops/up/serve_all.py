"""All four services, the API in a process of its own, on local servers where no address is configured."""

from __future__ import annotations

import base64
import secrets
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import psycopg
import structlog
import trio
from pydantic import SecretStr

from ingest.app import serve as serve_ingest
from ingest.settings import IngestSettings
from ingest.stops import IngestStops
from ops.access.users import anybody
from ops.api.settings import ApiSettings, guarded
from ops.local.restarts import Restarts
from ops.local.servers import LocalAddresses, open_servers
from ops.settings.checked import read
from ops.shell.exits import leaves
from ops.up import api_process
from schema.migrate import migrate
from schema.runtime.asyncio_door import aio
from schema.runtime.given import ENV_FILE, UP_FILE
from schema.runtime.outage import Outage
from schema.runtime.settings import Settings, SettingsError, load
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
    data.mkdir(parents=True, exist_ok=True)
    file.touch(mode=0o600)
    if not file.stat().st_size:  # new, or the disk was full the first time
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
            loaded.append(read(kind, env_file=env_file, **mine))
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
async def open_stack(data: Path, restarts: Restarts, *, terminal: bool) -> AsyncIterator[AllSettings]:
    """Start the local servers that are needed and keep them up, yield everybody's settings."""
    given, values = load(Given, env_file=ENV_FILE), dict[str, object]()
    _check(given, data, terminal=terminal)
    if given.token_encryption_key is None:
        values["token_encryption_key"] = token_key(data)
    async with open_servers(data, wanted_servers(given), restarts=restarts) as local:
        made = {**local_values(local), **values}
        settings = settings_with(made)
        with _addresses_in(data / Path(UP_FILE).name, made):
            yield settings


def _check(given: Given, data: Path, *, terminal: bool) -> None:
    """Tell all that is wrong before anything starts.

    Raises:
        SettingsError: with wrong settings, and a data folder that is needed and cannot be used.
    """
    problems: list[str] = []
    placeholders = _placeholders(given)
    try:
        guarded(settings_with(placeholders).api, terminal=terminal)
    except SettingsError as exc:
        problems += exc.problems
    try:
        if placeholders:
            data.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=data, buffering=0) as sample:
                sample.write(b"a full disk takes the name of a file, and nothing into it")
    except OSError as exc:
        problems.append(f"--data {data}: no files can be made there ({exc.strerror}); name a folder of your own")
    if problems:
        raise SettingsError(problems)


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
    """Return values for what is made here; they only serve to check the other settings."""
    samples = {
        "redis": ("redis_url", "redis://127.0.0.1:1/0"),
        "kafka": ("kafka_bootstrap_servers", "127.0.0.1:1"),
        "postgres": ("log_database_url", "postgresql://newar@127.0.0.1:1/newar"),
    }
    key = {"token_encryption_key": 43 * "A" + "="} if given.token_encryption_key is None else {}
    return {**dict(samples[name] for name in wanted_servers(given)), **key}


async def serve_all(
    settings: AllSettings,
    stop: Stop,
    restarts: Restarts | None = None,
    *,
    task_status: trio.TaskStatus[str] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Run the four services until a stop; who others rely on ends last.

    Those that need the log database begin once it answers and is up to date. `started` gets the address of the API,
    after the first try. `restarts`: of the local servers, of which the API tells.
    """
    last = Stop(settings.ingest.drain_timeout_ms / 1000)
    async with trio.open_nursery() as following:
        async with trio.open_nursery() as behind:
            url: str = await behind.start(api_process.keep, settings.api, last, restarts)
            async with trio.open_nursery() as front:
                front.start_soon(serve_sender, settings.sender, stop)
                tried = trio.Event()

                async def use_log_database() -> None:
                    if await _brought_up_to_date(settings.ingest.log_database_url.get_secret_value(), stop, tried):
                        behind.start_soon(_ingest, settings.ingest, last)
                        front.start_soon(serve_runs, settings.runs, stop)

                front.start_soon(use_log_database)
                await tried.wait()
                task_status.started(url)
            last.request()
            following.start_soon(_follow, stop, last)
        following.cancel_scope.cancel()


async def _follow(stop: Stop, last: Stop) -> None:
    """Pass on what further signals ask for."""
    await stop.cut_short.wait()
    last.cut()
    await stop.given_up.wait()
    last.give_up()


async def _ingest(settings: IngestSettings, stop: Stop) -> None:
    """An ingest that stops for a person must not end the sending: events wait in the topic."""
    try:
        await serve_ingest(settings, stop)
    except* IngestStops as group:
        for error in leaves(group):
            log.error("ingest_stopped", detail=str(error), then="mend it and start newar again; sending goes on")


async def _brought_up_to_date(url: str, stop: Stop, tried: trio.Event) -> bool:
    """Migrate the log database as soon as it answers; False when a stop came first. `tried`: at least once.

    Raises (in an ExceptionGroup): as `migrate`, but for a database that is away.
    """
    outage, done = Outage("log database"), False
    async with trio.open_nursery() as waiting:
        waiting.start_soon(_cancel_at, stop.requested, waiting.cancel_scope)
        while not done:
            try:
                await aio(migrate, url)
            except psycopg.OperationalError as exc:
                wait_s = outage.failed(exc, trio.current_time())
                tried.set()
                await trio.sleep(wait_s)
            else:
                outage.recovered(trio.current_time())
                done = True
        waiting.cancel_scope.cancel()
    tried.set()
    return done


async def _cancel_at(event: trio.Event, scope: trio.CancelScope) -> None:
    await event.wait()
    scope.cancel()


async def up(data: Path, stop: Stop, *, show_token: Callable[[str], None], terminal: bool) -> None:
    """Serve everything until a stop is requested.

    Args:
        data: folder of the local servers and the encryption key.
        stop: ends the services.
        show_token: called once with a token that was made because none was set.
        terminal: whether somebody is there to read it.

    Raises:
        SettingsError: before anything was started.
        LocalServerFailed: a local server could not be started, or not again after it had ended.
    """
    restarts = Restarts(stop)
    async with open_stack(data, restarts, terminal=terminal) as settings, trio.open_nursery() as nursery:
        users = terminal and await anybody(settings.api.log_database_url)
        api, token = guarded(settings.api, terminal=terminal, users=users)
        if token is not None:
            show_token(token)
        url: str = await nursery.start(serve_all, replace(settings, api=api), stop, restarts)
        log.info("newar_is_up", dashboard=f"{url}/admin", data=str(data))
