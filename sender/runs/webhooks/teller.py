"""Sends what happened to runs: at least once, of one run in its order, at growing pauses for a day."""

from __future__ import annotations

import ssl
import time
from collections.abc import Sequence
from functools import partial

import httpx
import structlog
import trio

from schema.snapshot import RunsSnapshot
from sender.runs.databases.database import Database, statement
from sender.runs.webhooks.settings import WebhookSettings
from sender.runs.webhooks.signed_message import News, body, headers, signing_key

log = structlog.get_logger()

ANSWER_WITHIN_S = 10.0
FIRST_PAUSE_S = 30.0
"""Longer than a try takes: until then nobody else tries, and if we die, somebody does."""
LONGEST_PAUSE_S = 3600.0
GIVEN_UP_AFTER_S = 24 * 3600.0
AT_ONCE = 20
LOOK_EVERY_S = 2.0
_FORGET_EVERY_S = 600.0


class Teller:
    """Any number may work at once, stopped or killed anywhere. A try has what it needs in the database alone."""

    def __init__(self, database: Database, settings: WebhookSettings, figures: RunsSnapshot) -> None:
        self._database = database
        self._figures = figures
        self._url = settings.run_webhook_url
        secret = settings.run_webhook_secret
        self._key = signing_key(secret.get_secret_value()) if secret else b""
        self._tls = ssl.create_default_context(cafile=settings.run_webhook_ca_file) if self._url else None
        self._forget_at_s = float("-inf")

    async def tell(self) -> None:
        """Send what is due now. Errors: DatabaseAway, QueryRefused."""
        await self._forget()
        if self._url is None:
            return
        await self._give_up()
        while await self._send_due(self._url.get_secret_value()):
            pass
        [(self._figures.webhooks_waiting,)] = await self._database.rows(_sql("waiting"))
        if not self._figures.webhooks_waiting:
            self._figures.webhook_down = False

    async def _send_due(self, url: str) -> bool:
        """Send some of what is due; True: all of it arrived, and there may be more."""
        rows = await self._database.rows(_sql("due"), most=AT_ONCE, first_s=FIRST_PAUSE_S, longest_s=LONGEST_PAUSE_S)
        sent: list[News] = []
        if rows:
            await self._send_all(url, [News(*row) for row in rows], sent)
        if sent:
            await self._database.rows(_sql("sent"), numbers=[news.number for news in sent])
        return len(rows) == len(sent) > 0

    async def _send_all(self, url: str, due: Sequence[News], sent: list[News]) -> None:
        """Send these side by side; `sent` gets those that arrived."""
        assert self._tls is not None  # noqa: S101 - there is a URL
        async with (
            httpx.AsyncClient(verify=self._tls, follow_redirects=False, timeout=ANSWER_WITHIN_S) as client,
            trio.open_nursery() as nursery,
        ):
            for news in due:
                nursery.start_soon(self._send, client, url, news, sent)

    async def _send(self, client: httpx.AsyncClient, url: str, news: News, sent: list[News]) -> None:
        said = body(news)
        signed = headers(self._key, f"msg_{news.id}", int(time.time()), said)
        trouble = "no answer within 10 s"
        with trio.move_on_after(ANSWER_WITHIN_S):
            try:
                async with client.stream("POST", url, content=said, headers=signed) as answer:
                    trouble = "" if answer.is_success else f"answered {answer.status_code}"
            except (httpx.HTTPError, httpx.InvalidURL, ssl.SSLError, OSError) as exc:
                trouble = type(exc).__name__  # the text may hold the address, and so a secret
        self._figures.webhook_down = bool(trouble)
        if not trouble:
            self._figures.webhooks_sent += 1
            sent.append(news)
            return
        self._figures.webhooks_failed += 1
        log.warning("webhook_failed", run_id=news.run_id, what=news.event, tries=news.tries, because=trouble)

    async def _give_up(self) -> None:
        for webhook_id, run_id, event, tries in await self._database.rows(_sql("give_up"), after_s=GIVEN_UP_AFTER_S):
            self._figures.webhooks_given_up += 1
            log.error("webhook_given_up", run_id=run_id, what=event, id=f"msg_{webhook_id}", tries=tries)

    async def _forget(self) -> None:
        if trio.current_time() >= self._forget_at_s:
            await self._database.rows(_sql("forget"), wanted=self._url is not None)
            self._forget_at_s = trio.current_time() + _FORGET_EVERY_S


_sql = partial(statement, room="webhooks")
