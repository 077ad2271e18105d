"""`newar health SERVICE`: one quick question, for the health checks of containers.

It is asked again and again beside the service, so only what the question needs is imported. Names in the environment
that mean nothing are left to the service to tell.
"""

from __future__ import annotations

import socket
import time
from enum import StrEnum
from http import HTTPStatus
from typing import Annotated, Any

import msgspec
import typer

from ops.shell.exits import FAILED
from ops.shell.output import AsJson, example, print_json
from schema.keys import key
from schema.runtime.given import address
from schema.snapshot import STALE_AFTER_S, ProcessSnapshot

commands = typer.Typer()

ANSWER_WITHIN_S = 3.0
_EVERYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}  # noqa: S104 - compared, not bound


class Service(StrEnum):
    """What can be asked for."""

    RUNS = "runs"
    SENDER = "sender"
    INGEST = "ingest"
    API = "api"


@commands.command(epilog=example("newar health sender"))
def health(
    service: Annotated[Service, typer.Argument(metavar="SERVICE", help="runs, sender, ingest or api.")],
    as_json: AsJson = False,
) -> None:
    """Say whether a service runs on this host: exit code 0 when it does, 1 when not. For container health checks."""
    healthy, detail = _api() if service is Service.API else _process(service)
    if as_json:
        print_json({"service": service, "healthy": healthy, "detail": detail})
    else:
        typer.echo(f"{service}: {detail}")
    raise typer.Exit(0 if healthy else FAILED)


def _process(service: Service) -> tuple[bool, str]:
    """Look for a fresh word of a process on this host."""
    mine = [s for s in map(_decoded, _words()) if s and (s.service, s.host) == (service.value, socket.gethostname())]
    if not mine:
        return False, "no process of this host reports to Redis"
    age_s = time.time() - max(s.at_ms for s in mine) / 1000
    return age_s <= STALE_AFTER_S, f"reported {max(age_s, 0):.1f} s ago"


def _words() -> list[bytes]:
    """Return what all processes say of themselves, from where the services say it; the settings tell what is wrong."""
    from redis import Redis  # noqa: PLC0415 - the API is asked without it

    try:
        url, sentinels = address("REDIS_URL") or "", address("REDIS_SENTINELS")
        with Redis.from_url(url, socket_connect_timeout=ANSWER_WITHIN_S, socket_timeout=ANSWER_WITHIN_S) as redis:
            if sentinels:
                _lead_to_primary(redis, sentinels)
            found: Any = redis.hvals(key("processes"))  # redis-py: or an awaitable
            return list(found)
    except (TypeError, ValueError):
        from schema.runtime.settings import RedisSettings, load  # noqa: PLC0415 - takes as long as all else

        load(RedisSettings)
        raise


def _lead_to_primary(redis: Any, given: str) -> None:
    """Let a client whose host is the name of a primary go where Sentinels say it is: as `schema.runtime.redis` does."""
    from redis import Redis, SSLConnection  # noqa: PLC0415 - seldom needed
    from redis.sentinel import Sentinel  # noqa: PLC0415

    from schema.runtime.redis_address import sentinels_at  # noqa: PLC0415

    options = redis.connection_pool.connection_kwargs
    encrypted = issubclass(redis.connection_pool.connection_class, SSLConnection)
    shared = {name: value for name, value in options.items() if name.startswith(("socket_", "ssl_"))}
    asked: Any = Sentinel([])  # type: ignore[no-untyped-call]  # redis-py
    asked.sentinels = [Redis(**shared, **one, ssl=encrypted) for one in sentinels_at(given)]
    options["host"], options["port"] = asked.discover_master(options["host"])


def _decoded(raw: bytes) -> ProcessSnapshot | None:
    try:
        return msgspec.json.decode(raw, type=ProcessSnapshot)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None


def _api() -> tuple[bool, str]:
    from urllib.request import ProxyHandler, build_opener  # noqa: PLC0415 - only the API is asked so

    from ops.api.listening import ListeningSettings  # noqa: PLC0415
    from schema.runtime.settings import load  # noqa: PLC0415

    settings = load(ListeningSettings)
    host = settings.api_host.strip("[]")
    host = _EVERYWHERE.get(host, host)
    name = f"[{host}]" if ":" in host else host
    direct = build_opener(ProxyHandler({}))  # a proxy of this machine is for others
    try:
        with direct.open(f"http://{name}:{settings.api_port}/health/live", timeout=ANSWER_WITHIN_S) as answer:
            return answer.status == HTTPStatus.OK, f"answers {answer.status}"
    except OSError as exc:  # also an answer that is an error
        return False, f"does not answer ({exc})"
