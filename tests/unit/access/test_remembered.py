"""For how long what the database said is enough."""

from __future__ import annotations

import pytest
import trio
from trio.testing import MockClock

from ops.access import remembered
from ops.access.access_database import AccessUnreachable
from ops.access.caller import Role
from ops.access.names import Known
from ops.access.remembered import FRESH_S, KNOWN_WITHIN_S, MOST, STALE_S, Remembered

MARIA = Known(name="maria", role=Role.OPERATOR, pages=None)


class Database:
    """Says what it is told to, and counts how often it is asked."""

    def __init__(self) -> None:
        self.answer: Known | None = MARIA
        self.away = False
        self.silent = False
        self.asked = 0

    async def ask(self, hashed: bytes) -> Known | None:
        self.asked += 1
        if self.away:
            raise AccessUnreachable("it is away")
        if self.silent:
            await trio.sleep_forever()
        return self.answer


async def test_many_looks_ask_once_a_second_and_a_change_asks_anew(autojump_clock: MockClock) -> None:
    database = Database()
    people = Remembered(database.ask)
    for _ in range(5):
        assert await people.whose(b"x", anew=False) == MARIA
    assert database.asked == 1
    database.answer = None
    assert await people.whose(b"x", anew=True) is None
    assert await people.whose(b"x", anew=False) is None
    assert database.asked == 2
    await trio.sleep(FRESH_S)
    await people.whose(b"x", anew=False)
    assert database.asked == 3


async def test_who_is_known_waits_a_second_for_a_silent_database(autojump_clock: MockClock) -> None:
    database = Database()
    people = Remembered(database.ask)
    await people.whose(b"x", anew=False)
    database.silent, began = True, trio.current_time()
    assert await people.whose(b"x", anew=True) == MARIA
    assert trio.current_time() - began == KNOWN_WITHIN_S
    assert await people.whose(b"x", anew=True) == MARIA, "and then not at all"
    with pytest.raises(AccessUnreachable, match="does not answer within 1 s"):
        await people.whose(b"another", anew=False)
    assert trio.current_time() - began == KNOWN_WITHIN_S


async def test_what_was_said_is_enough_for_an_hour_while_the_database_is_away(autojump_clock: MockClock) -> None:
    database = Database()
    people = Remembered(database.ask)
    await people.whose(b"x", anew=False)
    database.away = True
    await trio.sleep(STALE_S - 1)
    assert await people.whose(b"x", anew=True) == MARIA  # so that emergencies can be ended
    with pytest.raises(AccessUnreachable):
        await people.whose(b"another", anew=False)
    await trio.sleep(1)
    with pytest.raises(AccessUnreachable, match="it is away"):
        await people.whose(b"x", anew=False)
    database.away = False
    await trio.sleep(1)
    assert await people.whose(b"x", anew=False) == MARIA


async def test_who_was_out_is_not_in_because_the_database_is_away(autojump_clock: MockClock) -> None:
    database = Database()
    people = Remembered(database.ask)
    database.answer = None
    await people.whose(b"x", anew=False)
    database.away = True
    with pytest.raises(AccessUnreachable):
        await people.whose(b"x", anew=True)


async def test_a_database_that_is_away_is_asked_once_a_second(autojump_clock: MockClock) -> None:
    database = Database()
    database.away = True
    people = Remembered(database.ask)
    for _ in range(5):
        with pytest.raises(AccessUnreachable):
            await people.whose(b"x", anew=False)
    assert database.asked == 1


async def test_a_bounded_number_is_remembered(autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remembered, "MOST", 2)
    people = Remembered(Database().ask)
    for name in (b"a", b"b", b"c"):
        await people.whose(name, anew=False)
    assert [people.knows(name) for name in (b"a", b"b", b"c")] == [False, True, True]
    assert MOST >= 1000
