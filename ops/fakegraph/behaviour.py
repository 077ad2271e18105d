"""How pages and people behave beyond the error mix: hidden limits, usage headers, outages, fixed answers; as told."""

from dataclasses import dataclass, field, replace
from typing import Any

import msgspec

from ops.fakegraph.answer_texts import Catalogue
from ops.fakegraph.fixed_answers import FixedAnswers, read_fixed_answers
from ops.fakegraph.hidden_limits import BURST_S, HiddenLimits, read_hidden_limits
from ops.fakegraph.options import FakeGraphUsageError
from ops.fakegraph.planned_outages import OutageTold, PlannedOutages, read_planned_outages
from ops.fakegraph.schedules import Plan
from ops.fakegraph.usage_texts import UsageTexts, read_usage_texts


class BehaviourChange(msgspec.Struct, forbid_unknown_fields=True):
    """A part of the body of `POST /__control`; what is left out stays as it is, and its schedule goes on.

    A plan is a value, steps `[[after_s, value], …]` of which the last holds, or `{"steps": […], "repeat_s": N}`. Its
    time begins when it is told.

    Attributes:
        hidden_limits: Messages/s by page, `*` for each page without its own: a number or a plan. Replaces all of them.
        hidden_burst_s: Seconds of its limit that a page may send at once; counts for `hidden_limits` in the same body.
        usage: Percentage, or the raw text of the header, by page, `*` or `app`: a value or a plan. Replaces all.
        outages: Replaces all.
        people: By answer, a share of everybody or a list of PSIDs that always get it. Replaces all.
    """

    hidden_limits: dict[str, Plan] | None = None
    hidden_burst_s: float | None = None
    usage: dict[str, Plan] | None = None
    outages: list[OutageTold] | None = None
    people: dict[str, float | list[str]] | None = None


@dataclass(frozen=True, slots=True)
class Behaviour:
    """What counts now; `told` is how it was told."""

    limits: HiddenLimits = field(default_factory=lambda: HiddenLimits({}))
    usage: UsageTexts = field(default_factory=lambda: UsageTexts({}))
    outages: PlannedOutages = field(default_factory=lambda: PlannedOutages([]))
    fixed: FixedAnswers = field(default_factory=lambda: FixedAnswers({}, []))
    told: dict[str, object] = field(default_factory=dict)


def changed(behaviour: Behaviour, change: BehaviourChange, catalogue: Catalogue, now_s: float) -> Behaviour:
    """What counts after this change.

    Raises:
        FakeGraphUsageError: It cannot be carried out; the text names everything that is wrong with it.
    """
    problems: list[str] = []
    parts: dict[str, Any] = {}
    if change.hidden_limits is not None:
        burst_s = BURST_S if change.hidden_burst_s is None else change.hidden_burst_s
        parts["limits"] = read_hidden_limits(change.hidden_limits, burst_s, now_s, problems)
    elif change.hidden_burst_s is not None:
        problems.append("hidden_burst_s: write hidden_limits beside it, for which it counts")
    if change.usage is not None:
        parts["usage"] = read_usage_texts(change.usage, now_s, problems)
    if change.outages is not None:
        parts["outages"] = read_planned_outages(catalogue, change.outages, now_s, problems)
    if change.people is not None:
        parts["fixed"] = read_fixed_answers(catalogue, change.people, problems)
    if problems:
        raise FakeGraphUsageError("; ".join(problems))
    given = {name: getattr(change, name) for name in BehaviourChange.__struct_fields__}
    told = behaviour.told | {name: value for name, value in given.items() if value is not None}
    return replace(behaviour, told=told, **parts)


def read_behaviour(text: str, catalogue: Catalogue, now_s: float) -> Behaviour:
    """The behaviour that the JSON text of a change describes; raises FakeGraphUsageError."""
    try:
        change = msgspec.json.decode(text, type=BehaviourChange)
    except msgspec.DecodeError as exc:
        raise FakeGraphUsageError(f"--behaviour cannot be read: {exc}") from exc
    return changed(Behaviour(), change, catalogue, now_s)
