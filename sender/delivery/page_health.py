"""What answers mean for whole pages: growing pauses, failures that open breakers, signs that all is well again."""

from __future__ import annotations

import structlog
import trio

from schema.outcomes import ErrorClass
from sender.delivery.after_answer import Decision, Pause
from sender.delivery.judgement import Judgement
from sender.queue.page_queue import PageQueue
from sender.queue.until_answered import UntilAnswered
from sender.settings import SenderSettings

log = structlog.get_logger()

APP = "app"
_WORKING = frozenset(
    {
        None,
        ErrorClass.RECIPIENT_WINDOW,
        ErrorClass.RECIPIENT_TEMPORARY,
        ErrorClass.RECIPIENT_PERMANENT,
        ErrorClass.BAD_PAYLOAD,
    }
)
"""Answers that only a page with a valid token and permission gets."""


class PageHealth:
    """Tells the queue what happened to pages. Knows, at most a second late, which pages have failures counted.

    Args:
        pages: keeps pauses and breakers.
        until_answered: repeats a call until Redis has answered it.
        settings: how many failures open a breaker, and for how long.
    """

    def __init__(self, pages: PageQueue, until_answered: UntilAnswered, settings: SenderSettings) -> None:
        self._pages = pages
        self._until_answered = until_answered
        self._threshold = settings.circuit_breaker_threshold
        self._cooldown_ms = settings.circuit_breaker_cooldown_ms
        self._troubled: set[str] = set()
        self._pauses: dict[str, tuple[int, float]] = {}
        """Page or `app`: level of the last pause, and when it ends (Trio's clock)."""

    def level(self, scope: str) -> int:
        """Return the level for the next pause of a page or of `app`: a pause that still stands keeps its level."""
        level, ends_at = self._pauses.get(scope, (0, 0.0))
        return level - 1 if level and trio.current_time() < ends_at else level

    async def follow(self, page_id: str, token_version: int, judgement: Judgement) -> None:
        """Carry out what answers to this page's messages (sent with that version of its token) say of it and the app.

        In their order: what works breaks a row of failures. A whole batch's refusal is one answer.
        """
        pausing = any(decision.pause is not None for decision in judgement.decisions)
        answers = judgement.answers[:1] if judgement.whole else judgement.answers
        for answer, decision in zip(answers, judgement.decisions, strict=False):
            if decision.pause is not None or decision.breaker is not None:
                await self._carry_out(page_id, token_version, decision)
            elif answer.error_class in _WORKING and not pausing:
                await self._works(page_id)

    async def fault(self, page_id: str, token_version: int, decision: Decision) -> None:
        """Count a failure of the page, or open its breaker."""
        kind = "open" if decision.at_once else "failure"
        hold_ms, reason = decision.hold_ms or self._cooldown_ms, f"{decision.error_class}"
        self._troubled.add(page_id)
        state, changed = await self._until_answered(
            lambda: self._pages.trouble(page_id, kind, hold_ms, reason, self._threshold, token_version)
        )
        if changed:
            log.warning("breaker_opened", page_id=page_id, reason=reason, state=state, hold_ms=hold_ms)

    async def look(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Keep the set of troubled pages fresh: other processes count too."""
        task_status.started()
        while True:
            before = set(self._troubled)
            troubled = await self._until_answered(self._pages.troubled)
            self._troubled = troubled | (self._troubled - before)  # what was noted meanwhile
            await trio.sleep(1)

    async def _carry_out(self, page_id: str, token_version: int, decision: Decision) -> None:
        if decision.pause is not None:
            await self._pause(page_id, token_version, decision.pause)
        if decision.breaker == "app":
            self._troubled.add(APP)
            reason = f"{decision.error_class}"
            if await self._until_answered(lambda: self._pages.trouble_app(self._cooldown_ms, reason, self._threshold)):
                log.error("app_paused", reason=reason, ms=self._cooldown_ms)
        elif decision.breaker == "page":
            await self.fault(page_id, token_version, decision)

    async def _works(self, page_id: str) -> None:
        """Note an answer that only a working page gives: the next pause begins small again."""
        self._pauses.pop(page_id, None)
        self._pauses.pop(APP, None)
        pages = [p for p in (page_id, APP) if p in self._troubled]
        if pages:
            self._troubled.difference_update(pages)
            for closed in await self._until_answered(lambda: self._pages.works(pages)):
                log.info("breaker_closed", page_id=closed)

    async def _pause(self, page_id: str, token_version: int, pause: Pause) -> None:
        scope = APP if pause.scope == "app" else page_id
        self._pauses[scope] = (pause.level, trio.current_time() + pause.ms / 1000)
        if pause.scope == "app":
            if await self._until_answered(lambda: self._pages.trouble_app(pause.ms, pause.reason)):
                log.warning("app_paused", reason=pause.reason, ms=pause.ms)
        else:
            _, began = await self._until_answered(
                lambda: self._pages.trouble(page_id, "pause", pause.ms, pause.reason, self._threshold, token_version)
            )
            if began:
                log.info("page_paused", page_id=page_id, reason=pause.reason, ms=pause.ms)
