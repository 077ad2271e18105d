"""What must hold after every step of the queue's machine: Redis holds what the model says, and nothing is stranded."""

from __future__ import annotations

from collections import Counter
from typing import Any

from tests.faults.queue_model import ZONES, Model
from tests.faults.scripts import pairs

FAR_MS = 4_000_000_000_000
FINAL = ("sent", "failed", "suppressed", "expired", "unknown", "cancelled")

Found = dict[str, Any]
"""All that Redis holds, by name."""


def unit_of(run: str, zone: str) -> str:
    """Return the name of the unit in its lane; zone "": the page's."""
    return f"{run}\0{zone}" if zone else run


def compare(found: Found, model: Model, now_ms: int) -> None:
    """Fail where the two differ."""
    _every_job_is_in_one_place(found, model)
    _runs_add_up(found, model)
    _sessions_hold_what_they_claimed(found, model)
    _nothing_is_stranded(found, model, now_ms)
    _answers_did_what_they_do(found, model)


def _every_job_is_in_one_place(found: Found, model: Model) -> None:
    everywhere = Counter[bytes]()
    for name in model.runs:
        for zone in ZONES:
            waiting = [record[:16] for record in found.get(_list(name, zone), [])]
            everywhere.update(waiting)
            assert sorted(waiting) == sorted(model.at("waiting", name, zone)), f"waiting jobs of {name}"
        aside = [record[:16] for record in found.get(f"aside:{name}", [])]
        everywhere.update(aside)
        assert sorted(aside) == sorted(model.at("aside", name)), f"jobs of {name} that stand aside"
    delayed = found.get("delayed", [])[::2]
    everywhere.update(tagged.split(b"\0", 1)[1][:16] for tagged in delayed)
    for name in model.sessions:
        everywhere.update(pairs(found.get(f"held:{name}", [])).keys())
    assert everywhere == Counter(i for i, job in model.jobs.items() if job.place != "final"), "not in one place"


def _runs_add_up(found: Found, model: Model) -> None:
    for name, run in model.runs.items():
        facts = _texts(found[f"run:{name}"])
        expected = (run.state, run.cursor, str(int(run.enqueued)), str(run.recipients), str(run.left))
        assert tuple(facts[f] for f in ("state", "cursor", "enqueued", "recipients", "left")) == expected
        assert {f: int(facts[f]) for f in (*FINAL, "retrying") if f in facts} == dict(run.counts)
        assert {f.removeprefix("hold:") for f in facts if f.startswith("hold:")} == run.holds
        final = sum(run.counts[f] for f in FINAL)
        assert run.recipients == run.left + final
        assert run.state != "finished" or final == run.recipients, "a finished run does not add up"
    assert len(model.events) == sum(sum(run.counts.values()) for run in model.runs.values())


def _sessions_hold_what_they_claimed(found: Found, model: Model) -> None:
    for name, session in model.sessions.items():
        held = {i: f"{model.jobs[i].run}\0".encode() + model.jobs[i].record for i in session.held}
        assert pairs(found.get(f"held:{name}", [])) == held, f"jobs of {name}"
        marks = {i: b"\0".join(mark) for i, mark in session.marks.items()}
        assert pairs(found.get(f"marks:{name}", [])) == marks, f"marks of {name}"
        assert [f[3] for _, f in found.get(f"outbox:{name}", [])] == session.outbox, "the outbox of a session"
    assert int(pairs(found.get("app", [])).get(b"outbox", 0)) == model.waiting_events, "events that wait"
    alive = {s.encode() for s, session in model.sessions.items() if session.alive}
    assert alive == set(found.get("sessions", [])[::2])


def _answers_did_what_they_do(found: Found, model: Model) -> None:
    """Pages and the app are as the answers, and people, left them."""
    judge = model.judge
    for scope in (judge.app, *judge.pages.values()):
        name = "app" if scope.kind == "app" else f"page:{scope.name}"
        fields = _texts(found.get(name, []))
        told = {n: fields.get(n, "") for n in ("answers", "probe", "breaker")}
        assert told == {"answers": scope.answers, "probe": scope.probe or "", "breaker": scope.breaker or ""}, name
        numbers = {n: int(fields.get(n, 0)) for n in ("failures", "cooldowns", "pause_level")}
        assert numbers == {n: getattr(scope, n) for n in numbers}, name
    troubled = {scope.name.encode() for scope in (judge.app, *judge.pages.values()) if scope.looked_after}
    assert set(found.get("troubled", [])) == troubled, "whose answers are looked at"
    for name in model.runs:
        first_attempts = pairs(found[f"run:{name}"]).get(b"answers", b"").decode()
        assert first_attempts == judge.run(name).answers, f"answers of {name}"
    probing = {scope.name.encode() for scope in (judge.app, *judge.pages.values()) if scope.probing}
    assert probing <= troubled, "an answer to a probe would not be looked at"


def _nothing_is_stranded(found: Found, model: Model, now_ms: int) -> None:
    """Who may be claimed has its turn; who ended will be drained, or is finished and waits for the registry."""
    soon_ms = now_ms + 10_000  # a probe is waited for longer
    parked = {unit.decode(): float(until) for unit, until in pairs(found.get("parked", [])).items()}
    lanes = [*found.get("ready", [])[::2], *found.get("waiting", [])[::2]]
    for name, run in model.runs.items():
        for zone in ZONES:
            unit = unit_of(name, zone)
            in_lane = unit.encode() in found.get(f"lane:{run.lane}", [])[::2]
            waits = run.claimable and bool(model.at("waiting", name, zone))
            assert in_lane == (waits and unit not in parked), f"the turn of {name}"
            assert not in_lane or lanes.count(run.lane.encode()) == 1, f"the lane of {name}"
            assert parked.get(unit, 0) < (FAR_MS if zone in run.closed else soon_ms), f"{unit} is parked"
        parked_until_ms = float(pairs(found.get("waiting", [])).get(run.lane.encode(), 0)) / 1000
        must_wait = model.page(run.page).blocked(model.now_us)
        assert must_wait or parked_until_ms < soon_ms, f"the lane of {name} sleeps on"
    states = {name: run.state for name, run in model.runs.items()}
    draining = {name.encode() for name, state in states.items() if state in {"cancelled", "expired"}}
    assert set(found.get("draining", [])) == draining
    finished = {name.encode() for name, state in states.items() if state == "finished"}
    assert set(found.get("finished", [])[::2]) == finished


def _list(run: str, zone: str) -> str:
    return f"hours:{run}\0{zone}" if zone else f"jobs:{run}"


def _texts(flat: list[bytes]) -> dict[str, str]:
    return {k.decode(): v.decode(errors="replace") for k, v in pairs(flat).items()}
