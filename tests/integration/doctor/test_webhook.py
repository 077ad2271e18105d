"""Whether the platform that is told of runs can be reached."""

from __future__ import annotations

from pydantic import SecretStr

from ops.doctor.webhook import check_webhook
from sender.runs.webhooks.settings import WebhookSettings
from tests.integration.runs.webhooks.platform import SECRET, open_platform


def told(url: str) -> WebhookSettings:
    return WebhookSettings(run_webhook_url=SecretStr(url), run_webhook_secret=SecretStr(SECRET))


async def test_nobody_is_asked_where_nobody_is_told() -> None:
    assert await check_webhook(WebhookSettings()) == []


async def test_a_platform_that_answers_anything_is_there_and_hears_nothing() -> None:
    with open_platform() as platform:
        [found] = await check_webhook(told(platform.url))
        assert (found.part, found.status) == ("webhook", "ok")
        assert platform.told == []


async def test_one_that_is_away_is_told_without_its_address() -> None:
    with open_platform() as gone:
        pass
    [found] = await check_webhook(told(f"{gone.url}?key=geheim"))
    assert (found.status, "geheim" in str(found)) == ("fail", False)
    assert "RUN_WEBHOOK_URL" in found.mend
