"""Redis's replicas and Sentinels: whether they keep what is promised of a failover."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from redis.asyncio import Redis
from redis.exceptions import RedisError, ResponseError

from ops.doctor.finding import Finding
from schema.redis_commands import grant

PART = "redis"
_SILENT_S = 3
"""A replica says once a second what it has."""
Answer = tuple[str, int] | None
"""Host and port of the primary, by one Sentinel; None: it knows no primary of this name."""


def replicas(info: Mapping[str, Any] | None, wanted: int, *, sentinels: bool, user: str) -> list[Finding]:
    """Judge how many there are by `INFO replication`; None: it is refused. `wanted`: REDIS_MARK_REPLICAS. Pure."""
    if info is None:
        if not wanted and not sentinels:
            return []
        text = "it does not tell how many replicas it has (INFO is refused)"
        mend = f"{grant(user, ['+info'])}; or see that REDIS_MARK_REPLICAS is the number of those that may take over"
        return [Finding(PART, "warn", text, mend)]
    online = [one for name, one in info.items() if _is_online(name, one)]
    there = sum(1 for one in online if one.get("lag", 0) <= _SILENT_S)
    if wanted > there:
        silent = f", {len(online) - there} more are silent" if len(online) > there else ""
        text = f"REDIS_MARK_REPLICAS={wanted}, and {_in_words(there)}{silent}: nothing is sent until as many answer"
        less = f"; or REDIS_MARK_REPLICAS={there}, and what takes over may send again what the last ones have not"
        return [Finding(PART, "fail", text, f"start or connect them{less}")]
    if wanted < there or (sentinels and not wanted):
        knows = f"only {wanted} of {there} have" if wanted else "none has"
        text = f"of what may have left {knows} to know: another that takes over may send it again"
        return [Finding(PART, "warn", text, f"REDIS_MARK_REPLICAS={max(1, there)}, if all of them may be promoted")]
    return [Finding(PART, "ok", f"{_in_words(there)}, and nothing leaves before they know of it")] if there else []


def _is_online(name: str, one: Any) -> bool:
    return name.startswith("slave") and isinstance(one, Mapping) and one.get("state") == "online"


def _in_words(there: int) -> str:
    return "1 replica is connected" if there == 1 else f"{there} replicas are connected"


async def ask_sentinels(sentinels: Sequence[Redis], name: str) -> list[Answer | RedisError | OSError]:
    """Ask each where the primary of this name is, and whether they are enough to fail over; or why it does not say."""
    found: list[Answer | RedisError | OSError] = []
    for sentinel in sentinels:
        asked: Any = sentinel.execute_command("SENTINEL", "GET-MASTER-ADDR-BY-NAME", name)  # type: ignore[no-untyped-call]
        try:
            answer = await asked
            if answer:
                enough: Any = sentinel.execute_command("SENTINEL", "CKQUORUM", name)  # type: ignore[no-untyped-call]
                await enough
        except (RedisError, OSError) as exc:
            found.append(exc)
        else:
            found.append((_text(answer[0]), int(answer[1])) if answer else None)
    return found


def _text(value: object) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)


def sentinels(answers: Sequence[Answer | RedisError | OSError], name: str) -> list[Finding]:
    """Judge what the Sentinels say of the primary. Pure."""
    if not answers:
        return []
    known = [answer for answer in answers if isinstance(answer, tuple)]
    silent = sum(1 for answer in answers if isinstance(answer, RedisError | OSError))
    refused = [str(answer) for answer in answers if isinstance(answer, ResponseError)]
    strangers = len(answers) - len(known) - silent
    if strangers:
        text = f"{strangers} of {len(answers)} Sentinels know no primary {name}"
        mend = (
            f"write the name that they know into REDIS_URL, as redis://NAME/0, or: SENTINEL MONITOR {name} HOST PORT 2"
        )
        return [Finding(PART, "fail", text, mend)]
    if silent:
        why = f" ({refused[0]})" if refused else ""
        text = f"{silent} of {len(answers)} Sentinels do not answer{why}"
        mend = "start them, or correct REDIS_SENTINELS: a failover takes the majority of them"
        return [Finding(PART, "warn" if known else "fail", text, mend)]
    if len(set(known)) > 1:
        places = ", ".join(sorted({f"{host}:{port}" for host, port in known}))
        return [Finding(PART, "warn", f"the Sentinels name different primaries: {places}", "ask again in a minute")]
    return [Finding(PART, "ok", f"{len(answers)} Sentinels know the primary {name} at {known[0][0]}:{known[0][1]}")]
