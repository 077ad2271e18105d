"""The JSON endpoints, one line each: what is served and what the OpenAPI document says of it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import msgspec
from quart import Response

from ops.api.rest import pages_asked, people_asked, scopes
from ops.api.rest.audit_route import read_audit
from ops.api.rest.scopes import whole
from ops.board.answers import (
    CircuitBreaker,
    FailuresAnswer,
    HttpClient,
    Ingest,
    Overview,
    Performance,
    QueueAnswer,
)
from ops.board.audit import audit_question
from ops.board.audit.audit_trail import AuditAnswer
from ops.board.board import Board
from ops.board.graphs import graph_question
from ops.board.graphs.series import GraphAnswer
from ops.board.letter_counts import DeadLetters
from ops.board.limit_answers import LimitsAnswer
from ops.board.needs import needs
from ops.board.needs_you import NeedsAnswer
from ops.board.pages import page_list
from ops.board.pages.page_answers import SORTS, STATES, PageDetail, PagesAnswer
from ops.board.people.person_answers import JobAnswer, PersonAnswer
from ops.board.runs.run_answers import RunDetail, RunsAnswer
from ops.board.runs.wanted_runs import FILTERS as RUN_FILTERS
from ops.board.suppressions import FILTERS, MOST, SuppressionsAnswer
from ops.board.timeline.timeline_answers import TimelineAnswer
from ops.message_log import question
from ops.message_log.log_rows import LogAnswer


@dataclass(frozen=True)
class Endpoint:
    """A path that is answered by a method of the board."""

    path: str
    summary: str
    answer: type[msgspec.Struct]
    read: Callable[..., Awaitable[msgspec.Struct | bytes | Response]]
    most: int | None = None
    """Takes `?limit=`, from 1 to this number, which is also the default, unless `usual` says another."""
    filters: tuple[str, ...] = ()
    """Other parameters, each of which may be left out."""
    usual: int | None = None
    about: str = ""
    """What there is to say of them."""
    by_pages: bool = False
    """Its method also takes `pages`: those that who asks may see."""


ENDPOINTS = (
    Endpoint(
        "/stats/performance", "Throughput, outcomes and latency of all senders", Performance, whole(Board.performance)
    ),
    Endpoint("/stats/http-client", "Connection pools of all senders", HttpClient, whole(Board.http_client)),
    Endpoint("/stats/queue", "What waits, is leased and is on its way to the log", QueueAnswer, whole(Board.queue)),
    Endpoint("/stats/circuit-breaker", "Breakers that are not closed", CircuitBreaker, whole(Board.circuit_breaker)),
    Endpoint("/stats/ingest", "How far the log has become rows", Ingest, whole(Board.ingest)),
    Endpoint("/api/v1/overview", "Figures of one moment, all of them from Redis", Overview, whole(Board.overview)),
    Endpoint("/api/v1/needs", "What needs a person, and what mends it", NeedsAnswer, needs, by_pages=True),
    Endpoint(
        "/api/v1/runs",
        "Runs, newest first",
        RunsAnswer,
        scopes.read_runs,
        most=100,
        filters=RUN_FILTERS,
        about="page: its id; search: how the run's id begins; after: `next` of the list before.",
    ),
    Endpoint("/api/v1/runs/<path:run_id>", "One run, and whom it did not reach", RunDetail, scopes.read_run),
    Endpoint(
        "/api/v1/timeline/<path:run_id>",
        "What held a run, from when until when, and what people did to it, its page and everything",
        TimelineAnswer,
        scopes.read_timeline,
    ),
    Endpoint(
        "/api/v1/pages",
        "Pages that ever had a run, what is slow or stands still first",
        PagesAnswer,
        pages_asked.read_pages,
        most=page_list.MOST,
        usual=page_list.USUAL,
        filters=pages_asked.FILTERS,
        about=f"search: in id or name. state: one of {', '.join(STATES)}. sort: one of {', '.join(SORTS)}.",
    ),
    Endpoint(
        "/api/v1/pages/<page_id>",
        "One page, why it is as fast as it is, and its runs",
        PageDetail,
        pages_asked.read_page,
    ),
    Endpoint(
        "/api/v1/pages/<page_id>/limits",
        "Why a page is as fast as it is, and until when",
        LimitsAnswer,
        scopes.read_limits,
    ),
    Endpoint("/api/v1/failures", "The newest failures", FailuresAnswer, scopes.read_failures, most=200),
    Endpoint(
        "/api/v1/people/<psid>",
        "What became of one person's messages, and why nothing was sent",
        PersonAnswer,
        people_asked.read_person,
        filters=people_asked.FILTERS,
        about="page: only of this one. after: older attempts.",
    ),
    Endpoint(
        "/api/v1/jobs/<path:run_id>/<psid>",
        "One message of one run to one person: as it would go now, its attempts, lease and next retry",
        JobAnswer,
        people_asked.read_job,
    ),
    Endpoint(
        "/api/v1/suppressions",
        "People whom runs leave out",
        SuppressionsAnswer,
        scopes.read_suppressions,
        most=MOST,
        filters=FILTERS,
    ),
    Endpoint(
        "/api/v1/log",
        "Rows of the message log, newest first",
        LogAnswer,
        scopes.read_log,
        most=question.MOST,
        usual=question.USUAL,
        filters=question.FILTERS,
        about=f"Only what an index answers: one of {question.COMBINATIONS}. With each of them: from, to, after.",
    ),
    Endpoint(
        "/api/v1/dead-letters",
        "Events that no row of the log could hold: how many, and why",
        DeadLetters,
        whole(Board.dead_letters),
    ),
    Endpoint(
        "/api/v1/audit",
        "What people did, or rules, newest first",
        AuditAnswer,
        read_audit,
        most=audit_question.MOST,
        usual=audit_question.USUAL,
        filters=(*audit_question.FILTERS, "format"),
        about=audit_question.ABOUT,
    ),
    Endpoint(
        "/api/v1/history",
        "What was sent over time, as columns for a chart",
        GraphAnswer,
        lambda board, pages, **given: board.graphs.ask(given, pages),
        filters=graph_question.FILTERS,
        about=graph_question.ABOUT,
        by_pages=True,
    ),
)
