"""A message to the platform: what it says, and how it is signed. Pure.

The form is that of Standard Webhooks (https://www.standardwebhooks.com): libraries of many languages verify it.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from datetime import datetime
from typing import Any

import msgspec

SECRET_PREFIX = "whsec_"  # noqa: S105 - how the standard's secrets begin
SECRET_BYTES = range(24, 65)


class News(msgspec.Struct, frozen=True):
    """What happened to a run. Columns in the order of `due.sql`."""

    number: int
    id: str
    """The same at every try."""
    run_id: str
    page_id: str
    event: str
    """`run.finished`, `run.cancelled`, `run.expired`, `run.refused`, `run.braked` or `run.queue_lost`."""
    status: str
    recipients: int | None
    outcomes: dict[str, Any] | None
    at: datetime
    tries: int
    """This one included."""


def signing_key(secret: str) -> bytes:
    """Read a secret. ValueError: it is none; the text does not hold it."""
    try:
        key = base64.b64decode(secret.removeprefix(SECRET_PREFIX), validate=True)
    except binascii.Error:
        key = b""
    if not secret.startswith(SECRET_PREFIX) or len(key) not in SECRET_BYTES:
        raise ValueError(
            f"must be {SECRET_PREFIX} and then 24 to 64 bytes in base64; "
            f'make one with: echo "{SECRET_PREFIX}$(openssl rand -base64 32)"'
        )
    return key


def body(news: News) -> bytes:
    """Return what is sent: no token, no message, nothing of a recipient."""
    said = {
        "type": news.event,
        "timestamp": news.at,
        "data": {
            "run_id": news.run_id,
            "page_id": news.page_id,
            "event": news.event,
            "status": news.status,
            "recipients": news.recipients,
            "outcomes": news.outcomes,
            "at": news.at,
        },
    }
    return msgspec.json.encode(said)


def headers(key: bytes, message_id: str, now_s: int, said: bytes) -> dict[str, str]:
    """Return the headers of one try; `now_s`: seconds since 1970, which the receiver compares with its clock."""
    signed = b".".join([message_id.encode(), str(now_s).encode(), said])
    signature = base64.b64encode(hmac.digest(key, signed, hashlib.sha256)).decode()
    return {
        "content-type": "application/json",
        "webhook-id": message_id,
        "webhook-timestamp": str(now_s),
        "webhook-signature": f"v1,{signature}",
    }
