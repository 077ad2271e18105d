"""What states of pages, what slows them and what is done to them are called, and how they look."""

from __future__ import annotations

from typing import NamedTuple

from ops.api.cockpit.frame.state_words import Look
from schema.text import N_

PAGE_LOOKS = {
    "sending": Look(N_("sending"), "busy", "send"),
    "waiting": Look(N_("waiting"), "warn", "clock"),
    "throttled": Look(N_("slowed down"), "warn", "drain"),
    "paused": Look(N_("paused"), "warn", "pause"),
    "breaker": Look(N_("breaker open"), "bad", "stop"),
    "idle": Look(N_("nothing to send"), "calm", "check"),
    "unknown": Look(N_("not in the queue"), "warn", "alert"),
}
SORT_WORDS = {
    "trouble": N_("trouble first"),
    "backlog": N_("most waiting first"),
    "age": N_("longest waiting first"),
    "rate": N_("fastest first"),
    "name": N_("by name"),
}
SLOWDOWNS = {
    "set_limit": N_("limit set by a person"),
    "pace": N_("slowed down"),
    "ceiling": N_("kept below its limit"),
    "pause": N_("paused"),
    "probe": N_("one message goes first"),
    "breaker": N_("breaker"),
}
PLACES = {
    "held": N_("a sender has it"),
    "marked": N_("it may have left"),
    "delayed": N_("waits for a retry"),
    "waiting": N_("waits for its turn"),
    "drain": N_("will not be sent, and waits to be noted so"),
    "not_yet": N_("its run is still being filled"),
    "ended": N_("over"),
    "not_in_queue": N_("not in the queue"),
    "unknown": N_("not known"),
}


class Act(NamedTuple):
    """What can be done to a page, as buttons and questions say it."""

    button: str
    question: str
    """Of one page, `%(page)s`."""
    of_many: str
    """Of several, `%(n)s`."""
    means: str
    done: str
    """Of so many pages, `%(n)s`."""
    danger: bool = False


PAGE_ACTS = {
    "pause": Act(
        N_("Pause"),
        N_("Pause the page %(page)s?"),
        N_("Pause %(n)s pages?"),
        N_("Nothing is sent for them until they are resumed. Runs that expire meanwhile stay unsent."),
        N_("Pages paused: %(n)s."),
        danger=True,
    ),
    "resume": Act(
        N_("Resume"),
        N_("Resume the page %(page)s?"),
        N_("Resume %(n)s pages?"),
        N_("Pauses end, whether a person or a rule has made them."),
        N_("Pages resumed: %(n)s."),
    ),
    "open": Act(
        N_("Open the breaker"),
        N_("Open the breaker of the page %(page)s?"),
        N_("Open the breakers of %(n)s pages?"),
        N_("Nothing is sent until a person closes it, whatever token comes meanwhile."),
        N_("Breakers opened: %(n)s."),
        danger=True,
    ),
    "close": Act(
        N_("Close the breaker"),
        N_("Close the breaker of the page %(page)s?"),
        N_("Close the breakers of %(n)s pages?"),
        N_("Messages go at once. If what opened it still holds, they fail, and it opens again."),
        N_("Breakers closed: %(n)s."),
    ),
    "reset": Act(
        N_("Reset the limits"),
        N_("Reset the limits of the page %(page)s?"),
        N_("Reset the limits of %(n)s pages?"),
        N_("What rules have made of the speed ends: slower pace, ceiling and pause. What a person has set stays."),
        N_("Limits reset of pages: %(n)s."),
    ),
}
