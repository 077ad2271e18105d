"""What happened to a run, oldest first: its own moments, and what people did to it. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from ops.api.cockpit.frame.state_words import N_
from ops.board.audit.audit_trail import Act
from ops.board.runs.run_answers import RunDetail

WORDS = {
    "run pause": N_("paused"),
    "run resume": N_("resumed"),
    "run cancel": N_("cancelled"),
    "run extend": N_("given more time"),
    "run retry": N_("sent again"),
    "run recover": N_("recovered"),
    "run test": N_("tried out"),
    "run submit": N_("submitted"),
}


class Moment(NamedTuple):
    """Something that happened."""

    at: datetime
    word: str
    who: str = ""
    detail: str = ""


def timeline(run: RunDetail, acts: Sequence[Act]) -> list[Moment]:
    """Return what is known to have happened; what a newer program calls otherwise is named as it is."""
    found = [Moment(act.at, WORDS.get(act.what, act.what), act.who, act.detail) for act in acts]
    own = [
        (getattr(run, "scheduled_at", None), N_("due"), ""),
        (run.taken_at, N_("taken"), ""),
        (run.brake.since if run.brake else None, N_("braked"), (run.brake.reason or "") if run.brake else ""),
        (run.finished_at, N_("ended"), ""),
    ]
    found += [Moment(at, word, detail=detail) for at, word, detail in own if at is not None]
    return sorted(found, key=lambda moment: moment.at)
