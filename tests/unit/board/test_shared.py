"""One reading for everyone who asks within its lifetime."""

from __future__ import annotations

import pytest
import trio
from trio.testing import MockClock

from ops.board.shared import Shared


class Source:
    """Answers with the number of the call; takes `takes_s`; fails while `broken`."""

    def __init__(self, takes_s: float = 0.0) -> None:
        self.calls = 0
        self.takes_s = takes_s
        self.broken = False

    async def read(self) -> int:
        self.calls += 1
        call = self.calls
        await trio.sleep(self.takes_s)
        if self.broken:
            raise OSError(f"call {call}")
        return call


async def test_fifty_pollers_cost_one_reading_a_second(autojump_clock: MockClock) -> None:
    source = Source()
    shared = Shared(source.read, fresh_s=1.0)

    async def poll() -> None:
        for _ in range(10):
            await shared.get()
            await trio.sleep(1.0)

    async with trio.open_nursery() as nursery:
        for _ in range(50):
            nursery.start_soon(poll)
    assert source.calls == 10


async def test_a_value_is_read_again_when_its_time_is_over(autojump_clock: MockClock) -> None:
    shared = Shared(Source().read, fresh_s=1.0)
    assert await shared.get() == 1
    await trio.sleep(0.99)
    assert await shared.get() == 1
    await trio.sleep(0.01)
    assert await shared.get() == 2


async def test_a_reading_that_takes_long_is_made_less_often(autojump_clock: MockClock) -> None:
    shared = Shared(Source(takes_s=0.5).read, fresh_s=1.0)
    assert await shared.get() == 1
    await trio.sleep(1.9)
    assert await shared.get() == 1
    await trio.sleep(0.1)
    assert await shared.get() == 2


async def test_an_error_is_shared_like_a_value(autojump_clock: MockClock) -> None:
    source = Source()
    source.broken = True
    shared = Shared(source.read, fresh_s=1.0)
    for _ in range(3):
        with pytest.raises(OSError, match="call 1"):
            await shared.get()
    source.broken = False
    await trio.sleep(1.0)
    assert await shared.get() == 2


async def test_when_a_reader_leaves_the_next_in_turn_reads(autojump_clock: MockClock) -> None:
    source = Source(takes_s=2.0)
    shared = Shared(source.read, fresh_s=1.0)
    got: list[int] = []

    async with trio.open_nursery() as nursery:
        with trio.move_on_after(1.0):
            nursery.start_soon(wait_behind, shared, got)
            await shared.get()
    assert got == [2]


async def wait_behind(shared: Shared[int], got: list[int]) -> None:
    await trio.sleep(0.5)
    got.append(await shared.get())


async def test_what_is_forgotten_is_read_anew_even_while_it_is_being_read() -> None:
    values, reading, go_on = iter(range(10)), trio.Event(), trio.Event()

    async def read() -> int:
        value = next(values)
        if value == 1:
            reading.set()
            await go_on.wait()
        return value

    shared = Shared(read, fresh_s=1000)
    assert await shared.get() == 0
    shared.forget()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(shared.get)
        await reading.wait()
        shared.forget()
        go_on.set()
    assert await shared.get() == 2
    assert await shared.get() == 2
