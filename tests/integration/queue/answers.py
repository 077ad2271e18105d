"""Answers of the Graph API to claimed jobs, judged by the rules and settled as a sender does."""

from __future__ import annotations

from collections.abc import Sequence

from schema.job import decode_record, encode_record
from schema.outcomes import ErrorClass, Outcome
from sender.delivery.after_answer import decide
from sender.graph.api.classify import Answer
from sender.graph.api.usage import Usage
from sender.outbox.settlement import after
from sender.queue.session_queue import ClaimedGroup, Happening, SessionQueue, Settlement
from sender.rules.rule_table import RuleTable, load

THRESHOLD, COOLDOWN_MS = 2, 60_000
RULES = load(None, THRESHOLD, COOLDOWN_MS)

ACCEPTED = Answer(error_class=None, http_status=200, message_id="m")
UNREADABLE = Answer(error_class=ErrorClass.AMBIGUOUS, http_status=502)
TOKEN_INVALID = Answer(error_class=ErrorClass.AUTH_PAGE, http_status=400, code=190)
TOKEN_DEAD = Answer(error_class=ErrorClass.AUTH_PAGE, http_status=400, code=190, subcode=460)
THROTTLED = Answer(error_class=ErrorClass.RATE_LIMIT_PAGE, http_status=400, code=613)
PAGE_LIMIT = Answer(error_class=ErrorClass.RATE_LIMIT_PAGE, http_status=400, code=80006)
GONE = Answer(error_class=ErrorClass.RECIPIENT_PERMANENT, http_status=400, code=551)
REPORTED = Answer(error_class=ErrorClass.POLICY_PAGE, http_status=400, code=368, subcode=1346003, message="reported")
BLOCKED = Answer(error_class=ErrorClass.POLICY_PAGE, http_status=400, code=368)
BAD = Answer(error_class=ErrorClass.BAD_PAYLOAD, http_status=400, code=100, subcode=2018034, message="empty message")


def used(page: float = 0.0, app: float = 0.0) -> Answer:
    """An accepted message whose headers tell the usage in percent."""
    return Answer(error_class=None, http_status=200, message_id="m", usage=Usage(page_percent=page, app_percent=app))


class Answering:
    """Settles groups of one session, one after the other."""

    def __init__(self, queue: SessionQueue, rules: RuleTable = RULES) -> None:
        self._queue = queue
        self._rules = rules
        self._number = 0
        self._claims = 0
        self.happened: list[Happening] = []

    async def claim(self, want: int = 1) -> list[ClaimedGroup]:
        """Claim, and mark what was claimed."""
        self._claims += 1
        groups = (await self._queue.claim(f"claim {self._claims}", want)).groups
        if groups:
            await self._queue.mark([(r[:16], decode_record(r)[1].attempts + 1) for g in groups for r in g.records])
        return groups

    async def answer(self, groups: Sequence[ClaimedGroup], *answers: Answer) -> list[Happening]:
        """Settle all jobs of the groups with these answers, the last one for the rest; return what happened."""
        now_us = await self._queue.renew(0)
        settlements = []
        jobs = [(group, record) for group in groups for record in group.records]
        for n, (group, record) in enumerate(jobs):
            job_id, job = decode_record(record)
            answer = answers[min(n, len(answers) - 1)]
            ending = decide(answer, job, self._rules, on_unknown="hold", token_version=group.token_version)
            back = b""
            if ending.outcome is Outcome.RETRYING:
                back = encode_record(job_id, after(job, attempt=job.attempts + 1, counted=ending.counted))
            letter = ending.letter if job.attempts else ending.letter.upper()
            settlements.append(
                Settlement(
                    *(job_id, group.run_id, group.page_id, ending.outcome.value, b"{}", back),
                    *(ending.delay_ms, letter, now_us[0], ending.verdict),
                )
            )
        self._number += 1
        happened = (await self._queue.settle(self._number, settlements))[1]
        self.happened += happened
        return happened

    async def send(self, *answers: Answer) -> list[Happening]:
        """Claim one job and settle it with this answer, for each; return what happened."""
        happened: list[Happening] = []
        for one in answers:
            groups = await self.claim()
            assert groups, f"nothing could be claimed for the answer {one.code}"
            happened += await self.answer(groups, one)
        return happened
