"""Judging a response: what it means for each of the jobs that it answers. Knows no queue, no clock and no socket."""

from __future__ import annotations

import httpx
import msgspec

from sender.delivery.after_answer import Decision, OnUnknown, decide
from sender.graph.api.classify import Answer, classify, split_batch
from sender.graph.api.usage import header_of
from sender.queue.claimed_job import ClaimedJob


class Judgement(msgspec.Struct, frozen=True):
    """For each job, in order, the answer to it and what follows."""

    answers: list[Answer]
    decisions: list[Decision]
    whole: bool = False
    """Whether all are one refusal of a whole batch, of which no message was looked at."""


def judge(
    response: httpx.Response,
    jobs: list[ClaimedJob],
    *,
    batched: bool,
    on_unknown: OnUnknown,
    page_level: int,
    app_level: int,
) -> Judgement:
    """Judge the response to one message, or (`batched`) to a batch of them; for the levels see `decide`."""
    whole = False
    if batched:
        found = split_batch(response.status_code, header_of(response), response.content, len(jobs))
        whole = isinstance(found, Answer)
        answers = [found] * len(jobs) if isinstance(found, Answer) else found
    else:
        answers = [classify(response.status_code, header_of(response), response.content)]
    decisions = [
        decide(answer, job.content, on_unknown=on_unknown, page_level=page_level, app_level=app_level)
        for job, answer in zip(jobs, answers, strict=True)
    ]
    return Judgement(answers, decisions, whole)
