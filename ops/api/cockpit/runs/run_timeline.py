"""What a run's timeline calls what happened: its own moments, what people did, what held it. Pure."""

from __future__ import annotations

from ops.api.cockpit.frame.state_words import CAUSES
from ops.board.timeline.timeline_answers import Entry
from schema.text import N_

WORDS = {
    "due": N_("due"),
    "taken": N_("taken"),
    "ended": N_("ended"),
    "run cancel": N_("cancelled"),
    "run extend": N_("given more time"),
    "run retry": N_("sent again"),
    "run recover": N_("recovered"),
    "run close": N_("closed for good"),
    "run test": N_("tried out"),
    "run submit": N_("submitted"),
    "run hours": N_("its hours were set"),
    "limits set": N_("the page's limit was set"),
    "limits reset": N_("limits were reset"),
    "suppression add": N_("people were put on the page's deny list"),
    "suppression import": N_("people were put on the page's deny list"),
    "suppression remove": N_("people were taken off the page's deny list"),
}
OF_EVERYTHING = {"throttled": N_("everything is slowed down")}


def word_of(entry: Entry) -> str:
    """Return the word for it; what a newer program calls otherwise is named as it is."""
    if not entry.holds:
        return WORDS.get(entry.what, entry.what)
    known = OF_EVERYTHING.get(entry.what) if entry.scope == "app" else None
    return known or CAUSES.get(entry.what, entry.what)
