"""All that is wrong with the form of a run's message, told at once."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from sender.message.form.attachments import check_attachment, check_attachments
from sender.message.form.form_rules import FormProblem
from sender.message.form.part import Found, Part, position
from sender.message.form.quick_replies import check_quick_replies
from sender.message.limits import MAX_TEXT

_STICKER = ("sticker", "sticker_id")
"""Sent since June 2026; which of the keys it is, and what belongs to it, is not known for sure: both pass."""
_CONTENT = ("text", "attachment", "attachments", "template")
_KEYS = (*_CONTENT, "quick_replies", "metadata", *_STICKER)
_AROUND = (
    *("recipient", "messaging_type", "message", "tag", "notification_type", "persona_id", "reply_to"),
    *("sender_action", "access_token"),
)
"""Keys of the request that holds a message."""


class MessageForm:
    """The form of a run's message, as it stands and as it is filled in for somebody.

    Args:
        message: the Send API's `message` object, JSON as it was decoded.
        off: names of rules that do not count.
    """

    def __init__(self, message: dict[str, Any], off: Collection[str] = ()) -> None:
        found = Found()
        _check(Part(message, (), found))
        self.problems = [problem for problem in found.problems if problem.rule not in off]
        """Every rule that is broken for everybody, in the order of the parts. `metadata` is checked elsewhere."""
        self._open = [question for question in found.open if question.rule not in off]

    def filled_in_badly(self, filled: dict[str, Any]) -> str | None:
        """Return where this message, filled in, breaks which rule, without a word of its own; None when it does not.

        Only texts that had placeholders are looked at. The message itself must have no problems.
        """
        for question in self._open:
            value: Any = filled
            for key in question.path:
                value = value[key]
            if question.fault(value):
                return f"{position(question.path)}, filled in, breaks the rule {question.rule}"
        return None


def form_problems(message: dict[str, Any], off: Collection[str] = ()) -> list[FormProblem]:
    """Return every rule that a message breaks, whatever its placeholders stand for. Arguments: as of `MessageForm`."""
    return MessageForm(message, off).problems


def _check(whole: Part) -> None:
    message = _without_request(whole)
    message.only(_KEYS)
    _check_content(message)
    message.text("text", MAX_TEXT, "text-length", needed=message.has("text"))
    check_attachment(message)
    check_attachments(message)
    check_quick_replies(message)
    _check_utility(message)


def _without_request(whole: Part) -> Part:
    """Return the message itself, also of somebody who has given the request around it."""
    around = [key for key in _AROUND if key in whole.members]
    if not around:
        return whole
    whole.wrong(
        "whole-request",
        f"{', '.join(around)} belong{'' if len(around) > 1 else 's'} to the request, which is made for each recipient: "
        'write only what stands under its "message", for example {"text": "Hello"}',
    )
    if isinstance(inner := whole.members.get("message"), dict):
        return Part(inner, (*whole.path, "message"), whole.found)
    return Part({key: value for key, value in whole.members.items() if key not in _AROUND}, whole.path, whole.found)


def _check_content(message: Part) -> None:
    given = [key for key in _CONTENT if message.has(key)]
    if len(given) > 1:
        message.wrong("one-content", f"{' and '.join(given)} do not go together: keep one, or make two runs")
    if not given and not any(message.has(key) for key in _STICKER):
        message.wrong("no-content", 'nothing to send: write for example {"text": "Hello"}')


def _check_utility(message: Part) -> None:
    template = message.part("template", needed=False)
    if template is None:
        return
    template.only(("name", "language", "components"))
    template.text("name")
    language = template.part("language")
    if language is not None:
        language.only(("code", "policy"))
        language.text("code")
    template.parts("components", 0, None, needed=False)
