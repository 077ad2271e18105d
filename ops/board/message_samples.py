"""A run's message as its first people would see it, read where the run stands. Nothing is sent, and nothing noted."""

from __future__ import annotations

from typing import Any

import msgspec

from ops.board.answers import Answer
from ops.board.dry_run import NoSuchRun
from ops.board.settings import RecipientsSettings
from ops.board.source_of import open_source
from sender.message.errors import BadTemplate, NotSendable
from sender.message.template import MessageTemplate
from sender.message.variables import read_variables
from sender.runs.rules.records import RecipientRow
from sender.runs.rules.rows import SourceRun

SAMPLES = 3
SOURCES = ("source", "submitted")
_GENERATIONS = 20
"""So many retries of retries are followed to whoever names the recipients."""


class MessageSample(Answer):
    """One person, and what they would get."""

    recipient_id: str
    message: dict[str, Any] | None
    problem: str | None
    """Why it cannot be filled in for them."""


class MessageSamples(Answer):
    """A run's message."""

    message: dict[str, Any] | None
    """With its placeholders; null: `problem` says why it cannot be read."""
    problem: str | None
    samples: list[MessageSample]
    """Of its first people."""


async def message_samples(settings: RecipientsSettings, run_id: str) -> MessageSamples:
    """Return a run's message as three people would see it.

    Raises:
        NoSuchRun: neither the source nor what was submitted has it (any more).
        RunsError: a database is away or refuses.
    """
    row, people = await _read(settings, run_id)
    try:
        message = msgspec.json.decode(row.message or "", type=dict[str, Any])
        template = MessageTemplate(message)
    except (msgspec.DecodeError, BadTemplate) as exc:
        return MessageSamples(message=None, problem=str(exc), samples=[])
    return MessageSamples(message=message, problem=None, samples=[_filled(template, person) for person in people])


async def _read(settings: RecipientsSettings, run_id: str) -> tuple[SourceRun, list[RecipientRow]]:
    """Return a run and its first people, who stand in another run when it is a retry."""
    wanted, found = run_id, None
    for _ in range(_GENERATIONS):
        for name in SOURCES:
            async with open_source(settings, name) as source:
                rows = await source.runs([wanted]) if source else []
                if source is None or not rows:
                    continue
                found = found or rows[0]
                if not rows[0].parent_run_id:
                    return found, await source.recipients(wanted, "", SAMPLES)
                wanted = rows[0].parent_run_id
                break
        else:
            break
    if found is None:
        raise NoSuchRun("no run has the id %(run)s: neither one of the source nor a submitted one", run=run_id)
    return found, []


def _filled(template: MessageTemplate, person: RecipientRow) -> MessageSample:
    try:
        variables = None if template.constant else read_variables(person.variables)
        return MessageSample(person.recipient_id, template.fill(variables), None)
    except NotSendable as exc:
        return MessageSample(person.recipient_id, None, exc.reason)
