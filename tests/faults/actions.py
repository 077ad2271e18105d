"""Random faults from a seed: the plan is made beforehand, so the same seed gives the same actions at the same times."""

from __future__ import annotations

import contextlib
import signal
import sys
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping
from random import Random
from typing import Any, NamedTuple

import psutil
import trio

from tests.faults.servers import Restartable
from tests.faults.world import TracedSender, World
from tests.kafka.broker import KafkaBroker

SENDERS = 2
PAGES = ("100", "200", "300")
RUN_EVERY_S = 0.4
RUN_RECIPIENTS = 120
BUSY_LOOPS = 6
ERROR_MIXES: tuple[dict[str, float], ...] = (
    {},
    {"window_closed_2018278": 0.1, "transient_2_service_unavailable": 0.05},
    {"fault_reset_after_full_request": 0.1, "html_502": 0.05},
    {"fault_close_idle_keepalive": 0.2, "truncated_json_200": 0.05},
    {"ambiguous_1_1357046_sent_anyway": 0.05, "rate_613_plain": 0.01},
)


class Action(NamedTuple):
    """One fault."""

    after_s: float
    """Since the one before."""
    name: str
    """A method of `Faults`."""
    which: int
    """Of senders, runs or error mixes, as far as there are so many."""
    for_s: float
    """How long it lasts, if it lasts."""


def plan(seed: int, seconds: float) -> list[Action]:
    """Return the actions for about so many seconds."""
    random, actions, at_s = Random(seed), [], 0.0  # noqa: S311 - dice that fall the same way again
    names = ["kill"] * 3 + ["freeze"] * 3 + ["stop"] * 2 + ["break_graph"] * 3 + ["pause_graph", "pause_redis"] * 2
    names += ["cancel_run", "hold_run", "cut_database", "kill_redis", "kill_broker", "kill_postgres"]
    names += ["freeze_redis", "freeze_broker", "freeze_postgres", "cut_redis", "fill_redis", "busy_machine"]
    while at_s < seconds:
        action = Action(random.uniform(0.1, 1.5), random.choice(names), random.randrange(100), random.uniform(0.2, 2.5))
        actions.append(action)
        at_s += action.after_s
    return actions


class Faults:
    """Carries a plan out on a world that is kept busy.

    Attributes:
        recovered_s: how long the sessions of killed senders outlived them.
        held: how many jobs killed senders had held.
        unmarked: how many of them had no mark, so that they could go out again.
        servers_killed: how often one of the servers was.
        servers_frozen: how often one of them was stopped and continued.
    """

    def __init__(self, world: World, seed: int, servers: Mapping[str, Restartable | KafkaBroker]) -> None:
        """Take the servers that may be killed: `redis`, `broker`, `postgres`; one that is not there is left alone."""
        self.recovered_s: list[float] = []
        self.held = self.unmarked = self.servers_killed = self.servers_frozen = 0
        self.world = world
        self._servers = servers
        self._locks: defaultdict[str, trio.Lock] = defaultdict(trio.Lock)
        self._random = Random(seed)  # noqa: S311
        self._runs: list[str] = []
        self._senders: list[TracedSender] = []

    async def carry_out(self, actions: list[Action]) -> None:
        """Do one after the other, then heal everything; the runs go on to their ends afterwards."""
        self._senders = await self.world.start_senders(*([] for _ in range(SENDERS)))
        async with trio.open_nursery() as nursery:
            async with trio.open_nursery() as lasting:  # what they begin ends by itself
                nursery.start_soon(self._keep_busy)
                for action in actions:
                    await trio.sleep(action.after_s)
                    print(action)  # shown when the test fails
                    fault: Callable[[Action], Awaitable[None]] = getattr(self, action.name)
                    lasting.start_soon(fault, action)
            nursery.cancel_scope.cancel()
        await self._heal()

    async def kill(self, action: Action) -> None:
        sender = await self._replace(action)
        async with self._up("redis"):
            sender.kill()
            unmarked, marked = self.world.held_by(sender.sessions[-1])
        self.unmarked += len(unmarked)
        self.held += len(unmarked | marked)
        self.recovered_s.append(await self.world.until_taken_over(sender))

    async def stop(self, action: Action) -> None:
        _signal(await self._replace(action), signal.SIGTERM)

    async def freeze(self, action: Action) -> None:
        sender = self._senders[action.which % SENDERS]
        _signal(sender, signal.SIGSTOP)
        await trio.sleep(action.for_s)
        _signal(sender, signal.SIGCONT)

    async def break_graph(self, action: Action) -> None:
        await self.world.graph(errors=ERROR_MIXES[action.which % len(ERROR_MIXES)])

    async def pause_graph(self, action: Action) -> None:
        await self.world.graph(pause=True)
        await trio.sleep(action.for_s)
        await self.world.graph(pause=False)

    async def pause_redis(self, action: Action) -> None:
        command: Any = self.world.redis.execute_command
        async with self._up("redis"):
            command("CLIENT", "PAUSE", round(action.for_s * 1000), "ALL")

    async def cut_redis(self, _: Action) -> None:
        async with self._up("redis"):
            self.world.redis.client_kill_filter(_type="normal")

    async def fill_redis(self, action: Action) -> None:
        async with self._up("room"):
            async with self._up("redis"):
                self.world.redis.config_set("maxmemory", "1mb")
            await trio.sleep(action.for_s)
            async with self._up("redis"):
                self.world.redis.config_set("maxmemory", "0")

    async def busy_machine(self, action: Action) -> None:
        async with trio.open_nursery() as nursery:
            with trio.move_on_after(action.for_s):
                for _ in range(BUSY_LOOPS):
                    nursery.start_soon(trio.run_process, [sys.executable, "-c", "while True: pass"])
                await trio.sleep_forever()
            nursery.cancel_scope.cancel()

    async def kill_redis(self, action: Action) -> None:
        await self._kill_server("redis", action)

    async def kill_broker(self, action: Action) -> None:
        await self._kill_server("broker", action)

    async def kill_postgres(self, action: Action) -> None:
        await self._kill_server("postgres", action)

    async def freeze_redis(self, action: Action) -> None:
        await self._freeze_server("redis", action)

    async def freeze_broker(self, action: Action) -> None:
        await self._freeze_server("broker", action)

    async def freeze_postgres(self, action: Action) -> None:
        await self._freeze_server("postgres", action)

    async def _freeze_server(self, name: str, action: Action) -> None:
        server = self._servers.get(name)
        if server is None:
            return

        def freeze() -> None:
            server.signal(signal.SIGSTOP)
            time.sleep(action.for_s)
            server.signal(signal.SIGCONT)

        async with self._up(name):
            self.servers_frozen += 1
            await trio.to_thread.run_sync(freeze)  # whoever asks it meanwhile may block us

    async def _kill_server(self, name: str, action: Action) -> None:
        server = self._servers.get(name)
        if server is None:
            return
        async with self._up(name):
            self.servers_killed += 1
            server.kill()
            await trio.sleep(action.for_s)
            if isinstance(server, KafkaBroker):
                await trio.to_thread.run_sync(server.start)
            else:
                await server.start()

    def _up(self, server: str) -> trio.Lock:
        """Return what keeps a server up, or its killing to ourselves, while it is held."""
        return self._locks[server]

    async def cancel_run(self, action: Action) -> None:
        if self._runs:
            async with self._up("redis"):
                await self.world.runs.cancel(self._runs[-1 - action.which % min(3, len(self._runs))])

    async def hold_run(self, action: Action) -> None:
        if self._runs:
            run_id = self._runs[-1 - action.which % min(3, len(self._runs))]
            async with self._up("redis"):
                await self.world.runs.hold(run_id, "operator")
            await trio.sleep(action.for_s)
            async with self._up("redis"):
                await self.world.runs.let_go(run_id, "operator")

    async def cut_database(self, _: Action) -> None:
        async with self._up("postgres"):
            self.world.fetch(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )

    async def _replace(self, action: Action) -> TracedSender:
        """Start another sender in the place of one; return the one when it is at work."""
        place = action.which % SENDERS
        former, self._senders[place] = self._senders[place], self.world.start_sender()
        await self.world.until(lambda: bool(former.sessions), "a sender's session")
        return former

    async def _keep_busy(self) -> None:
        for number in range(10**9):
            run_id, resend = f"r{number}", self._random.random() < 0.2
            async with self._up("room"), self._up("redis"):
                await self.world.enqueue(
                    run_id,
                    RUN_RECIPIENTS,
                    page=self._random.choice(PAGES),
                    priority=self._random.randrange(2),
                    on_unknown="resend" if resend else "hold",
                )
            self._runs.append(run_id)
            await trio.sleep(RUN_EVERY_S)

    async def _heal(self) -> None:
        await self.world.graph(errors={}, pause=False, latency_ms=10)
        for page in PAGES:
            await self.world.pages.resume(page, "the tests")


def _signal(sender: TracedSender, number: signal.Signals) -> None:
    with contextlib.suppress(ValueError, psutil.Error):  # it has ended
        sender.signal(number)
