"""A log database that answers nobody: what it costs those who ask."""

from __future__ import annotations

from typing import Any

import pytest
import trio
from psycopg.rows import DictRow
from trio.testing import MockClock

from ops.board.history import ANSWER_WITHIN_S, AWAY_S, History, HistoryUnreachable


class Frozen:
    """Takes so long for an answer, and counts how often it is asked."""

    def __init__(self) -> None:
        self.takes_s = ANSWER_WITHIN_S * 2
        self.asked = 0

    async def ask(self, _statement: str, _params: dict[str, Any]) -> list[DictRow]:
        self.asked += 1
        await trio.sleep(self.takes_s)
        return []


@pytest.fixture
def database(monkeypatch: pytest.MonkeyPatch) -> Frozen:
    frozen = Frozen()
    monkeypatch.setattr("ops.board.history.KeptConnections", lambda _url: frozen)
    return frozen


async def test_a_page_with_many_questions_waits_for_one(database: Frozen, autojump_clock: MockClock) -> None:
    history, began = History("postgresql://nowhere"), trio.current_time()
    for _ in range(5):
        with pytest.raises(HistoryUnreachable, match="within 3 s"):
            await history.ask("SELECT 1", {})
    assert (database.asked, trio.current_time() - began) == (1, ANSWER_WITHIN_S)
    await trio.sleep(AWAY_S)
    database.takes_s = 0
    assert await history.ask("SELECT 1", {}) == []


async def test_one_slow_question_keeps_nobody_else_from_an_answer(database: Frozen, autojump_clock: MockClock) -> None:
    history = History("postgresql://nowhere")

    async def ask_slowly() -> None:
        with pytest.raises(HistoryUnreachable):
            await history.ask("SELECT pg_sleep(9)", {})

    async with trio.open_nursery() as nursery:
        nursery.start_soon(ask_slowly)
        await trio.sleep(1)
        database.takes_s = 0
        await history.ask("SELECT 1", {})
    assert await history.ask("SELECT 1", {}) == []
