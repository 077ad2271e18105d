"""Which recipients of a page are to be put into the queue, given what the log says of them. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping

import msgspec

from sender.runs.rules.records import RecipientRow


class Standing(msgspec.Struct, frozen=True):
    """What the log knows of one recipient of a run."""

    attempts: int
    """The highest attempt."""
    outcome: str | None
    """The final one; None: another attempt follows."""


class StillToSend(msgspec.Struct, frozen=True):
    """A page of recipients, sorted out."""

    rows: list[RecipientRow]
    """Those to be put into the queue, in the order of the page."""
    attempts: dict[str, int]
    """Attempts that the log has of them."""
    ended: dict[str, int]
    """Final outcome -> how many of the page have it."""


def still_to_send(
    rows: list[RecipientRow], chosen: Collection[str] | None, standing: Mapping[str, Standing]
) -> StillToSend:
    """Leave out who is not chosen (None: all are) and, counted, who has a final outcome."""
    wanted = [row for row in rows if chosen is None or row[0] in chosen]
    known = {row[0]: standing[row[0]] for row in wanted if row[0] in standing}
    ended = {recipient_id: one.outcome for recipient_id, one in known.items() if one.outcome is not None}
    return StillToSend(
        rows=[row for row in wanted if row[0] not in ended],
        attempts={recipient_id: one.attempts for recipient_id, one in known.items() if recipient_id not in ended},
        ended=dict(Counter(ended.values())),
    )
