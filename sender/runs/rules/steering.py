"""What has to be changed in the queue so that a run does what the source says. Pure."""

from __future__ import annotations

from typing import Literal

from schema.run import RunState
from sender.queue.run_queue import RunGlance

Step = Literal["cancel", "hold source", "let go source", "hold window", "let go window"]

_ENDED = (RunState.CANCELLED, RunState.FINISHED)


def steps(status: str, hold_window: bool, known: RunGlance) -> list[Step]:
    """Return the changes from what the queue knows of a run to what its `status` asks for.

    `hold_window`: it has to be held until its window opens, by senders that know nothing of windows.
    """
    if known.state in _ENDED:
        return []
    if status == "cancelled":
        return ["cancel"]
    if known.state is RunState.EXPIRED:
        return []
    wanted: list[Step] = []
    if (status == "paused") != ("source" in known.held_by):
        wanted.append("hold source" if status == "paused" else "let go source")
    if hold_window != ("window" in known.held_by):
        wanted.append("hold window" if hold_window else "let go window")
    return wanted
