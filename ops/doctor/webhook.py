"""The webhook: whether this machine reaches who is told of runs. Nothing is told."""

from __future__ import annotations

import ssl

import httpx

from ops.doctor.finding import Finding
from sender.runs.webhooks.settings import WebhookSettings

PART = "webhook"
ANSWER_WITHIN_S = 8.0


async def check_webhook(settings: WebhookSettings) -> list[Finding]:
    """Ask it something, the way run processors go; any answer will do. Nothing, where none is set."""
    if settings.run_webhook_url is None:
        return []
    tls = ssl.create_default_context(cafile=settings.run_webhook_ca_file)
    try:
        async with httpx.AsyncClient(verify=tls, timeout=ANSWER_WITHIN_S) as client:
            answer = await client.head(settings.run_webhook_url.get_secret_value())
    except (httpx.HTTPError, httpx.InvalidURL, ValueError) as exc:  # its text may hold the address, and so a secret
        what = "no answer in time" if isinstance(exc, httpx.TimeoutException) else type(exc).__name__
        text = f"cannot be reached ({what}): the platform is not told of runs that end"
        return [Finding(PART, "fail", text, "check RUN_WEBHOOK_URL, RUN_WEBHOOK_CA_FILE and the proxy")]
    return [Finding(PART, "ok", f"answers ({answer.status_code})")]
