"""Pages and people that behave as told, through whole requests, singly and in batches, on a clock of our own."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest

from ops.fakegraph.answer_texts import Ending
from ops.fakegraph.behaviour import BehaviourChange
from ops.fakegraph.graph import Graph, Reply
from ops.fakegraph.options import FakeGraphOptions, FakeGraphUsageError
from tests.unit.fakegraph.test_graph import batch, body_of, member, request, status_of

BY_PAGE, BY_APP = "X-Business-Use-Case-Usage", "X-App-Usage"


class World:
    def __init__(self, **change: Any) -> None:
        self.now_s = 1000.0
        self.graph = Graph(FakeGraphOptions(seed=1), clock=lambda: self.now_s)
        self.tell(**change)

    def tell(self, **change: Any) -> None:
        self.graph.behaviour = self.graph.behaved(msgspec.convert(change, BehaviourChange))

    def send(self, recipient_id: str = "7", page: str = "100") -> Reply:
        sent = {"recipient": {"id": recipient_id}, "message": {"text": "Hi", "metadata": "j=0f;a=1"}}
        return self.graph.reply(request(f"/v26.0/{page}/messages", sent))

    def send_batch(self, *people: str, page: str = "100") -> Reply:
        return self.graph.reply(batch(*[member(person, page) for person in people]))

    def answers(self) -> list[tuple[str, str, str]]:
        return [(post.page, post.person, post.answer) for posts in self.graph.posts.slices() for post in posts]


def header(reply: Reply, name: str) -> str | None:
    lines = reply.data.partition(b"\r\n\r\n")[0].decode().split("\r\n")
    found = [line.partition(": ")[2] for line in lines if line.lower().startswith(name.lower() + ":")]
    assert len(found) < 2
    return found[0] if found else None


def test_a_hidden_limit_counts_singles_and_members_alike_and_tells_what_was_possible() -> None:
    world = World(hidden_limits={"100": [[0, 4], [10, 2]]}, hidden_burst_s=1)
    codes = [part["code"] for part in body_of(world.send_batch("1", "2", "3", "4", "5"))]
    assert codes == [200, 200, 200, 200, 400]
    world.now_s += 10.0
    assert [status_of(world.send()) for _ in range(3)] == [200, 200, 400]  # the bucket shrank with the limit
    assert [status_of(world.send(page="200")) for _ in range(9)] == [200] * 9
    counts = world.graph.limit_counts()["100"]
    assert (counts.let_through, counts.refused, counts.possible, counts.limit_per_s) == (6, 2, 40.0, 2.0)
    assert len(world.graph.ledger) == 6 + 9


def test_usage_follows_its_schedule_on_every_readable_answer() -> None:
    world = World(usage={"100": [[0, 75], [5, 99.5]], "*": 20, "app": 50})
    assert header(world.send(), BY_PAGE) == (
        '{"100":[{"type":"messenger","call_count":75,"total_cputime":1,"total_time":1,'
        '"estimated_time_to_regain_access":0}]}'
    )
    world.now_s += 5.0
    for reply in (world.send(), world.send("Ann")):
        assert json.loads(header(reply, BY_PAGE) or "")["100"][0]["call_count"] == 99.5
        assert json.loads(header(reply, BY_APP) or "")["call_count"] == 50
    assert json.loads(header(world.send(page="200"), BY_PAGE) or "")["200"][0]["call_count"] == 20


def test_usage_may_be_any_text_and_may_be_missing() -> None:
    world = World(usage={"100": '{"PAGE":[{"call_count":"much"},{"call_count":95}]}', "200": "", "app": "{"})
    assert header(world.send(), BY_PAGE) == '{"100":[{"call_count":"much"},{"call_count":95}]}'
    assert header(world.send(), BY_APP) == "{"
    assert header(world.send(page="200"), BY_PAGE) is None
    assert '"call_count":1,' in (header(world.send(page="300"), BY_PAGE) or "")  # its own, as before


def test_members_carry_usage_in_their_own_headers_and_the_batch_that_of_the_app() -> None:
    world = World(usage={"100": 85, "app": 95}, people={"613": ["8"]})
    reply = world.send_batch("7", "8")
    assert json.loads(header(reply, BY_APP) or "")["call_count"] == 95
    for part in body_of(reply):
        found = {each["name"].lower(): each["value"] for each in part["headers"]}
        assert json.loads(found[BY_PAGE.lower()])["100"][0]["call_count"] == 85
        assert json.loads(found[BY_APP.lower()])["call_count"] == 95
        assert "content-type" in found


def test_a_person_always_gets_the_same_answer_alone_and_in_a_batch() -> None:
    world = World(people={"613": ["7"], "368": ["8"], "10": ["9"]})
    assert [status_of(world.send("7")) for _ in range(3)] == [400] * 3
    errors = [json.loads(part["body"])["error"] for part in body_of(world.send_batch("7", "8", "9"))]
    assert [(e["code"], e.get("error_subcode")) for e in errors] == [(613, None), (368, 1346003), (10, None)]
    assert [status_of(world.send(person)) for person in ("10", "11")] == [200, 200]
    assert len(world.graph.ledger) == 2


@pytest.mark.parametrize(
    ("kind", "status", "ending"),
    [
        ("html502", 502, Ending.CLOSE),
        ("empty", 200, Ending.KEEP),
        ("cut", 200, Ending.CLOSE),
        ("613", 400, Ending.KEEP),
        ("no_answer", None, Ending.SILENCE),
    ],
)
def test_an_outage_lasts_its_time(kind: str, status: int | None, ending: Ending) -> None:
    world = World(outages=[{"from_s": 5, "for_s": 3, "kind": kind}])
    assert status_of(world.send()) == 200
    for after_s in (5.0, 2.9):
        world.now_s += after_s
        reply = world.send()
        assert (status_of(reply) if reply.data else None, reply.ending) == (status, ending)
    world.now_s += 0.2
    assert status_of(world.send()) == 200
    assert [name for _, _, name in world.answers()].count("send_ok") == 2


def test_a_batch_in_an_outage_is_spoilt_as_a_whole_or_member_by_member() -> None:
    now = {"from_s": 0, "for_s": 9}
    world = World(outages=[now | {"kind": "html502", "page": "100"}, now | {"kind": "613", "page": "200"}])
    assert status_of(world.send_batch("7", "8")) == 502
    assert [part["code"] for part in body_of(world.send_batch("7", "8", page="200"))] == [400, 400]
    assert [part["code"] for part in body_of(world.send_batch("7", "8", page="300"))] == [200, 200]


def test_an_outage_may_come_again() -> None:
    world = World(outages=[{"from_s": 1, "for_s": 2, "every_s": 10, "kind": "empty"}])
    assert [_empty(world, at_s) for at_s in (0, 1, 2, 3, 10, 11, 12, 13, 101)] == [
        *(False, True, True, False, False, True, True, False, True)
    ]


def _empty(world: World, at_s: float) -> bool:
    world.now_s = 1000.0 + at_s
    return world.send().data.endswith(b"content-length: 0\r\n\r\n")


def test_who_is_connected_while_connections_are_refused_is_served_and_leaves() -> None:
    world = World(outages=[{"from_s": 0, "for_s": 2, "kind": "refuse"}])
    assert (status_of(reply := world.send()), reply.ending) == (200, Ending.CLOSE)
    world.now_s += 2.0
    assert world.send().ending is Ending.KEEP


def test_every_message_is_noted_with_its_answer_refused_ones_too() -> None:
    world = World(people={"551": ["8"]})
    world.send("7")
    world.send("Ann")
    world.send_batch("8", "9", page="200")
    assert world.answers() == [
        ("100", "7", "send_ok"),
        ("100", "", "bad_recipient_id_form"),
        ("200", "8", "recipient_unavailable_551"),
        ("200", "9", "send_ok"),
    ]
    times_ms = [post.at_ms for posts in world.graph.posts.slices() for post in posts]
    assert times_ms == sorted(times_ms)
    assert times_ms[2] <= times_ms[3]
    world.graph.reset()
    assert world.answers() == []


def test_everything_wrong_with_a_change_is_told_at_once_and_nothing_of_it_counts() -> None:
    world = World(usage={"100": 85})
    with pytest.raises(FakeGraphUsageError) as caught:
        world.tell(
            hidden_limits={"100": "fast", "200": [[1, 5]]},
            hidden_burst_s=0,
            usage={"100": -1, "app": "two\r\nlines"},
            outages=[
                {"from_s": -1, "for_s": 0, "kind": "html502"},
                {"from_s": 1, "for_s": 2, "kind": "storm", "every_s": 1},
                {"from_s": 1, "for_s": 2, "kind": "refuse", "page": "100"},
            ],
            people={"html502": 0.1, "613": 1.5},
        )
    text = str(caught.value)
    for part in (
        "hidden_burst_s: 0",
        "hidden_limits of '100': 'fast'",
        "hidden_limits of '200': the first step",
        "usage of '100': -1",
        "usage of 'app'",
        "outages[0]: from_s",
        "outages[1]: every_s",
        "outages[1]: no answer there is named 'storm'; there are: refuse, ",
        "outages[2]: connections are refused to all pages",
        "people: no answer there is named 'html502'",
        "people: each share",
    ):
        assert part in text
    assert json.loads(header(world.send(), BY_PAGE) or "")["100"][0]["call_count"] == 85


def test_a_burst_alone_is_refused_with_what_to_write() -> None:
    with pytest.raises(FakeGraphUsageError, match="write hidden_limits beside it"):
        World(hidden_burst_s=1)
