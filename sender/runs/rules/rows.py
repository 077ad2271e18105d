"""What is read from the views, as it stands there: nothing is checked yet, and anything may be missing."""

from __future__ import annotations

from decimal import Decimal

import msgspec


class Head(msgspec.Struct, frozen=True):
    """The part of a run that is looked at on every poll. Columns in the order of `heads.sql`."""

    run_id: str
    status: str
    page_id: str | None
    page_access_token: str | None
    scheduled_at_s: float | None
    """Seconds since 1970 (UTC); may be infinite. So are all moments here."""
    send_window: str | None
    updated_at_s: float | None


class SourceRun(msgspec.Struct, frozen=True):
    """A run in full. Columns in the order of `runs.sql`."""

    run_id: str
    page_id: str | None
    page_access_token: str | None
    message: str | None
    """JSON text."""
    messaging_type: str | None = None
    tag: str | None = None
    notification_type: str | None = None
    scheduled_at_s: float | None = None
    expires_at_s: float | None = None
    send_window: str | None = None
    priority: str | None = None
    """A number in digits, if all is well; so are those of pages."""
    on_unknown: str | None = None
    parent_run_id: str | None = None
    status: str | None = None
    recipients: str | None = None
    """How many rows the source says that the run has, duplicates included; None: it does not say."""


class PageRow(msgspec.Struct, frozen=True):
    """A page as the source describes it. Columns in the order of `pages.sql`."""

    page_id: str
    page_access_token: str | None = None
    time_zone: str | None = None
    weight: str | None = None
    limit_text: str | None = None
    limit_media: str | None = None
    name: str | None = None
    """Its first 200 characters."""


class Survey(msgspec.Struct, frozen=True):
    """What rows a run has in the view of the recipients. Columns in the order of `survey.sql`."""

    rows: int
    """All of them."""
    without_id: int
    """Whose recipient id is missing, empty or over 500 characters: they can be nobody's."""
    long_ids: int
    """Ids with more digits than a spreadsheet keeps."""
    rounded_ids: int
    """Those of them that have only zeros where it keeps none."""
    digits_beyond: int
    """How many digits that are."""
    lowest: Decimal = Decimal(0)
    """Of the long ids of digits."""
    highest: Decimal = Decimal(0)
    """Likewise."""
