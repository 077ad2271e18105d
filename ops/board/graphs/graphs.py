"""Answering questions for graphs: who may see what, from which source, each question once a second."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence

import msgspec

from ops.board import merge
from ops.board.graphs.graph_question import GraphQuestion, graph_question
from ops.board.graphs.log_figures import read_figures
from ops.board.graphs.ring import read_seconds
from ops.board.graphs.series import Known, answer
from ops.board.history import History
from ops.board.reading import Command, QueueReader, QueueUnreachable
from ops.board.run_rates import RunRates
from ops.board.runs.run_book import RunBook
from ops.board.shared import Shared
from ops.message_log.question import BadQuestion
from schema.keys import key
from schema.snapshot import ProcessSnapshot

FRESH_S = 1.0
_MOST_QUESTIONS = 200
"""Answers that are kept for a second."""


class UnknownSubject(Exception):
    """There is no such page or run, or it is not for who asks; the text says so of both."""


class Graphs:
    """Answers from the ring of seconds, and from the log's figures if there is a log database."""

    def __init__(self, reader: QueueReader, history: History | None) -> None:
        self._reader = reader
        self._history = history
        self._answers: dict[GraphQuestion, Shared[bytes]] = {}

    async def ask(self, given: Mapping[str, str | None], pages: frozenset[str] | None) -> bytes:
        """Return the JSON of a GraphAnswer.

        Args:
            given: texts by name of FILTERS.
            pages: those that who asks may see; None: all of them.

        Raises:
            BadQuestion: naming what cannot be asked, or what must be asked more narrowly.
            UnknownSubject: no such page or run.
            QueueUnreachable: when Redis is needed and does not answer.
            HistoryUnreachable: when the log database does not answer.
        """
        question = graph_question(given, time.time())
        page_id = await self._page_of(question.run) if question.run is not None else question.page
        if page_id is None and question.run is not None:
            raise UnknownSubject("no such run, or it is not yours to see")
        if page_id is None and pages is not None:
            raise BadQuestion("you may see some pages only: write page= or run=")
        if pages is not None and page_id not in pages:
            raise UnknownSubject(f"no such {'page' if question.run is None else 'run'}, or it is not yours to see")
        shared = self._answers.get(question)
        if shared is None:
            shared = self._answers[question] = Shared(lambda: self._read(question, page_id), FRESH_S)
            while len(self._answers) > _MOST_QUESTIONS:
                del self._answers[next(iter(self._answers))]
        return await shared.get()

    async def _page_of(self, run_id: str) -> str | None:
        """Return the page of a run; None: there is no such run. As long as the registry knows it, without Redis."""
        found = await RunBook(self._history, self._reader, RunRates()).one(run_id)
        if found.run is None and found.queue == "down":
            raise QueueUnreachable("Redis cannot be used, and the run registry does not know this run")
        return found.run.page_id if found.run else None

    async def _read(self, question: GraphQuestion, page_id: str | None) -> bytes:
        if question.step_s == 1:
            return msgspec.json.encode(answer(question, await read_seconds(self._reader, question)))
        if self._history is None:
            return msgspec.json.encode(answer(question, Known({}, (), None), "not_configured"))
        known = await read_figures(self._history, question, page_id, await self._under_way())
        return msgspec.json.encode(answer(question, known))

    async def _under_way(self) -> tuple[Sequence[ProcessSnapshot], float | None]:
        """Return the processes that are alive, and when the oldest event was settled that is on its way to the log."""
        try:
            snapshots, names, (now_s, _us) = await self._reader.ask(
                [("HVALS", key("processes")), ("SMEMBERS", key("outboxes")), ("TIME",)]
            )
            boxes: list[Command] = [("XRANGE", key(f"outbox:{name.decode()}"), "-", "+", "COUNT", 1) for name in names]
            firsts = await self._reader.ask(boxes) if boxes else []
        except QueueUnreachable:
            return [], None
        moments = [int(found[0][0].partition(b"-")[0]) / 1000 for found in firsts if found]
        return merge.live(snapshots, int(now_s)), min(moments, default=None)
