"""A Redis that answers and refuses: what `/health` and the log say of it."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import trio
from redis import Redis
from structlog.testing import capture_logs

from tests.integration.api.serving import SECRET, Api
from tests.integration.redis_login import as_replica, change_login
from tests.patience import patience_s


@pytest.mark.parametrize(
    ("rules", "status", "named"),
    [
        (["-xadd"], "degraded", ["XADD", "ACL SETUSER newar +xadd"]),
        (["-hvals"], "down", ["HVALS", "ACL SETUSER newar +hvals"]),
        (["-evalsha"], "down", ["EVALSHA", "+evalsha"]),
        (["resetkeys"], "down", ["~newar:*"]),
        (["resetpass", f">{SECRET}"], "down", ["user or the password in REDIS_URL"]),
    ],
)
async def test_health_and_log_name_what_the_login_lacks(
    admin: Redis, limited_url: str, api: Callable[..., Api], rules: list[str], status: str, named: list[str]
) -> None:
    change_login(admin, *rules)
    with capture_logs() as lines:
        async with api(redis_url=limited_url) as client:
            response = await client.get("/health")
            with trio.fail_after(patience_s()):
                while not any(line["event"] == "part_refuses" for line in lines):  # noqa: ASYNC110 - a log has no event
                    await trio.sleep(0.01)
    check = response.json()["checks"]["redis"]
    assert (response.json()["status"] == "down", check["status"]) == (status == "down", status)
    [reason] = [line["reason"] for line in lines if line["event"] == "part_refuses"]
    for text in (check["detail"], reason):
        assert all(words in text for words in named), text
        assert SECRET not in text
        assert "PASSWORD@" not in text


async def test_health_says_that_a_replica_takes_no_writes_and_shows_figures(
    admin: Redis, limited_url: str, api: Callable[..., Api]
) -> None:
    with as_replica(admin):
        async with api(redis_url=limited_url) as client:
            health = (await client.get("/health")).json()
            assert (await client.get("/stats/queue")).status_code == 200
    assert health["checks"]["redis"]["status"] == "degraded"
    assert "replica" in health["checks"]["redis"]["detail"]
    assert "primary" in health["checks"]["redis"]["detail"]
