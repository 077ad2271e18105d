"""What the classes of errors mean, in words: their names, as API and log have them, stay visible."""

from __future__ import annotations

from collections.abc import Mapping

from markupsafe import Markup

from ops.api.cockpit.frame.writing import plain, say, shown
from schema.text import N_

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
ANSWERS = {
    "well": N_("the page works: the message went out, or only this person cannot have it"),
    "page_throttled": CLASSES["rate_limit_page"],
    "app_throttled": CLASSES["rate_limit_app"],
    "unreadable": N_("no answer came, or none that can be read"),
    "page_failed": CLASSES["auth_page"],
    "app_failed": CLASSES["auth_app"],
    "payload_refused": CLASSES["bad_payload"],
    "recipient_gone": CLASSES["recipient_permanent"],
    "other": N_("any other answer"),
}
"""What the rules make of answers, as a page's limits name them."""


def classed(name: str | None) -> str | Markup:
    """Write the name of a class with what it means as its title; one that a newer program uses has none."""
    return _explained(name, CLASSES)


def answered(name: str) -> str | Markup:
    """Write one of `ANSWERS` likewise."""
    return _explained(name, ANSWERS)


def class_meant(name: str) -> str:
    """Say what a class means; of one that a newer program uses nothing."""
    return say(CLASSES[name]) if name in CLASSES else ""


def reasoned(reason: str | None) -> str | Markup:
    """Write why a rule acted: the class of an answer, and behind it what Graph said, if anything."""
    name, colon, said = (reason or "").partition(": ")
    if name not in CLASSES:
        return shown(reason)
    return Markup("{}{}{}").format(classed(name), colon, shown(said) if said else "")


def _explained(name: str | None, meanings: Mapping[str, str]) -> str | Markup:
    if name is None or name not in meanings:
        return plain(name)
    return Markup('<abbr title="{}">{}</abbr>').format(say(meanings[name]), plain(name))
