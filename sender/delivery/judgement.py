"""Judging a response: what it means for each of the jobs that it answers. Knows no queue, no clock and no socket."""

from __future__ import annotations

import httpx
import msgspec

from schema.outcomes import ErrorClass
from sender.delivery.after_answer import decide
from sender.delivery.run_contexts import RunContext
from sender.graph.api.classify import Answer, classify, split_batch, tied_to
from sender.graph.api.usage import header_of
from sender.outbox.ending import Ending
from sender.queue.claimed_job import ClaimedJob
from sender.rules.rule_table import RuleTable


class Judgement(msgspec.Struct, frozen=True):
    """For each job, in order, the answer to it and how its attempt ends."""

    answers: list[Answer]
    endings: list[Ending]

    @property
    def misplaced(self) -> bool:
        """Whether an answer belongs to another request."""
        return any(answer.misplaced for answer in self.answers)


def judge(
    response: httpx.Response, jobs: list[ClaimedJob], context: RunContext, rules: RuleTable, *, batched: bool
) -> Judgement:
    """Judge the response to one message of a run, or (`batched`) to several of them."""
    if not batched:
        return _judged([classify(response.status_code, header_of(response), response.content)], jobs, context, rules)
    found = split_batch(response.status_code, header_of(response), response.content, len(jobs))
    if not isinstance(found, Answer):
        return _judged(found, jobs, context, rules)
    judged = _judged([found] * len(jobs), jobs, context, rules)
    if found.error_class is ErrorClass.AMBIGUOUS:
        return judged  # each message may have gone out: the brake for such answers counts messages
    # The whole batch was refused, and no message of it was looked at: for the page that is one answer, not as many.
    others = [msgspec.structs.replace(ending, letter="", verdict=b"") for ending in judged.endings[1:]]
    return Judgement(judged.answers, [*judged.endings[:1], *others])


def _judged(answers: list[Answer], jobs: list[ClaimedJob], context: RunContext, rules: RuleTable) -> Judgement:
    on_unknown, version = context.run.on_unknown, context.token_version
    answers = [tied_to(answer, job.content.recipient_id) for answer, job in zip(answers, jobs, strict=True)]
    return Judgement(
        answers,
        [
            decide(answer, job.content, rules, on_unknown=on_unknown, token_version=version)
            for job, answer in zip(jobs, answers, strict=True)
        ],
    )
