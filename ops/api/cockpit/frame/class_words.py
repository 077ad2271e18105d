"""What the classes of errors mean, in words: their names, as API and log have them, stay visible."""

from __future__ import annotations

from markupsafe import Markup

from ops.api.cockpit.frame.state_words import N_
from ops.api.cockpit.frame.writing import plain, say

CLASSES = {
    "transient": N_("Meta or the network failed for a moment: it is tried again by itself"),
    "rate_limit_page": N_("Meta says that the page sends too fast"),
    "rate_limit_app": N_("Meta says that the app sends too fast"),
    "auth_page": N_("the page's token does not count any more, or lacks a permission"),
    "auth_app": N_("the app itself is not allowed to send"),
    "policy_page": N_("Meta has restricted the page"),
    "recipient_window": N_("the person wrote too long ago: outside the 24 hours that Meta allows"),
    "recipient_temporary": N_("the person cannot be reached now"),
    "recipient_permanent": N_("the person cannot be reached: blocked, deleted, or not of this page"),
    "bad_payload": N_("Meta refuses the message as it is written"),
    "ambiguous": N_("no answer came: the person may have the message"),
    "invalid_recipient": N_("this cannot be the id of a person"),
    "missing_variable": N_("the message names a value that the person lacks"),
    "text_too_long": N_("longer than 2,000 characters once it was filled in"),
    "no_token": N_("the page has no token that can be read"),
    "corrupt": N_("what stood in the queue cannot be read"),
    "recipient_gone": N_("an earlier run was told that the person cannot be reached"),
    "recipient_denied": N_("the person is on the page's deny list"),
    "run_cancelled": N_("the run was cancelled before it came to the person"),
    "run_expired": N_("the run expired before it came to the person"),
}


def classed(name: str | None) -> str | Markup:
    """Write the name of a class with what it means as its title; one that a newer program uses has none."""
    if name not in CLASSES:
        return plain(name)
    return Markup('<abbr title="{}">{}</abbr>').format(say(CLASSES[name]), plain(name))
