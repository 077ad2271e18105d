"""Senders that break one rule each, for the proof that the checker would notice. Nothing here is in the product."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from unittest.mock import patch

import msgspec

from schema.outcomes import ErrorClass, Outcome
from sender.outbox import relay
from sender.outbox.ending import Ending
from sender.queue import script_loader
from sender.queue.session_queue import Happening, SessionQueue, Settlement
from sender.session import lost_jobs


def no_mark() -> None:
    """Requests leave without a mark."""

    async def mark(_: SessionQueue, jobs: Any, **__: Any) -> list[int]:
        return [1_700_000_000_000_000 for _ in jobs]

    patch.object(SessionQueue, "mark", mark).start()


def session_not_compared() -> None:
    """Whoever held a job may mark and settle it for ever."""
    edits = {
        "work/mark": ("redis.call('HEXISTS', held, jobs[i]) == 1", "true"),
        "work/settle": ("not redis.call('ZSCORE', P .. 'sessions', session)", "false"),
    }
    more = {"work/settle": ("local ours = redis.call('HDEL', held, id)", "redis.call('HDEL', held, id) local ours = 1")}
    original = script_loader.source

    def source(name: str) -> str:
        text = original(name)
        for rule in (edits, more):
            if name in rule:
                assert rule[name][0] in text, f"{name}.lua is written otherwise now"
                text = text.replace(*rule[name])
        return text

    patch.object(script_loader, "source", source).start()


def resend_unknown() -> None:
    """What a dead sender had marked is sent again though the run says `hold`."""

    def decide_lost(*_: Any, **__: Any) -> Ending:
        return Ending(outcome=Outcome.RETRYING, error_class=ErrorClass.AMBIGUOUS, counted=True)

    patch.object(lost_jobs, "decide_lost", decide_lost).start()


def no_event() -> None:
    """Every seventh final outcome is settled without its event."""
    settle, count = SessionQueue.settle, iter(range(1, 10**9))

    async def without(
        self: SessionQueue, number: int, settlements: list[Settlement], **more: Any
    ) -> tuple[list[bool], list[Happening]]:
        thinned = [
            msgspec.structs.replace(s, event=b"") if s.event and not s.record and next(count) % 7 == 0 else s
            for s in settlements
        ]
        return await settle(self, number, thinned, **more)

    patch.object(SessionQueue, "settle", without).start()


def trim_first() -> None:
    """The outbox is trimmed before the broker has acknowledged."""
    relay_one, produce = relay.Relay._relay, vars(relay)["produce"]

    async def trimmed(self: relay.Relay, producer: Any, outbox: Any) -> int:
        async def trim_and_produce(*args: Any) -> Any:
            await self._redis.xtrim(outbox.key, maxlen=0, approximate=False)
            return await produce(*args)

        with patch("sender.outbox.relay.produce", trim_and_produce):
            return await relay_one(self, producer, outbox)

    patch.object(relay.Relay, "_relay", trimmed).start()


RULES: dict[str, Callable[[], None]] = {
    rule.__name__: rule for rule in (no_mark, session_not_compared, resend_unknown, no_event, trim_first)
}
