"""Whether the log database or Redis was set back to an older state than the other knows. Asks both."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib.resources import files
from typing import Any

import psycopg
import trio
from redis.asyncio import Redis
from redis.exceptions import RedisError

from ops.board.log_query import query
from ops.doctor.finding import Finding
from schema.keys import committed_key, key
from schema.runtime.asyncio_door import aio
from schema.runtime.redis import open_redis
from schema.runtime.settings import LogDatabaseSettings, RedisSettings
from schema.topic import Log
from sender.queue.run_queue import RunQueue

PART = "memories"
_KNOWN, _WRITTEN = (
    files("ops.doctor").joinpath(f"sql/{name}.sql").read_text("utf-8") for name in ("known_runs", "written")
)
_LOG_MEND = "stop run processors and see docs/backup.md: newar run close prevents that runs are sent again"
_REDIS_MEND = "stop senders and see docs/backup.md: an older copy of Redis is to be emptied, and runs recovered"


class Memories(RedisSettings, LogDatabaseSettings):
    """Redis and the log database, each of which knows how far the other was."""


async def check_set_back(settings: Memories) -> list[Finding]:
    """Ask both. That one of them is away, or its schema old, is told where it is looked at itself."""
    redis = open_redis(settings.redis_url.get_secret_value())
    try:
        return await _compare(redis, settings.log_database_url.get_secret_value())
    except (RedisError, psycopg.Error, OSError):
        return []
    finally:
        with trio.move_on_after(1, shield=True):
            await aio(redis.aclose)


async def _compare(redis: Redis, url: str) -> list[Finding]:
    queue = RunQueue(redis)
    sent = [i for i, run in (await queue.glance(await queue.unfinished())).items() if run.cursor or run.enqueued]
    rows = {row["run_id"]: row for row in await query(url, _KNOWN, {"run_ids": sent})}
    raw: Any = await aio(redis.get, key("epoch"))  # not asked of the queue, which would make one
    epoch = (raw or b"").decode()
    ahead = [run_id for run_id, row in rows.items() if (row["state"], row["queue_epoch"]) == ("finished", epoch)]
    still = await queue.glance(ahead)  # those that ended between the two questions are no news
    ahead = [run_id for run_id in ahead if run_id in still and still[run_id].state != "finished"]
    gone = [run_id for run_id in sent if run_id not in rows]
    return judge(gone, ahead, await _rows_behind(redis, await query(url, _WRITTEN)))


def judge(gone: list[str], ahead: list[str], behind: int) -> list[Finding]:
    """Say what was set back. Pure.

    Args:
        gone: runs of which Redis has jobs, and that the registry does not know.
        ahead: runs that have finished in this queue, as the registry says, and not, as Redis says.
        behind: how many events the ingest had written that the log database does not have.
    """
    found: list[Finding] = []
    if gone or behind:
        runs = f"{len(gone)} runs that Redis has (such as {gone[0]})" if gone else ""
        events = f"{behind} events that were written" if behind else ""
        text = f"the log database was set back: it lacks {' and '.join(filter(None, [runs, events]))}"
        found.append(Finding(PART, "fail", text, _LOG_MEND))
    if ahead:
        text = f"Redis was set back: it has jobs of {len(ahead)} runs that have finished (such as {ahead[0]})"
        found.append(Finding(PART, "fail", text, _REDIS_MEND))
    return found or [Finding(PART, "ok", "neither Redis nor the log database is known to have been set back")]


async def _rows_behind(redis: Redis, rows: Sequence[Mapping[str, Any]]) -> int:
    behind = 0
    by_life: dict[str, dict[int, int]] = {}
    for row in rows:
        life = Log(row["cluster_id"], row["topic"], row["topic_id"])
        by_life.setdefault(committed_key(life), {})[row["partition"]] = row["next_offset"]
    for name, written in by_life.items():
        committed: Any = await aio(redis.hgetall, name)
        behind += sum(max(0, int(at) - written.get(int(partition), int(at))) for partition, at in committed.items())
    return behind
