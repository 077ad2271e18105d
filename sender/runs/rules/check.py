"""Whether a run may be sent at all: a row of the source becomes a Run, or a refusal that a person can act on. Pure."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from datetime import UTC, datetime
from typing import Any, Literal

import msgspec

from schema.run import DEAD_TAGS, MESSAGING_TYPES, NOTIFICATION_TYPES, ContentClass, Run
from sender.message.errors import BadTemplate
from sender.message.form.message_form import form_problems
from sender.message.template import MessageTemplate
from sender.runs.rules.open_hours import known_until_ms
from sender.runs.rules.rows import SourceRun
from sender.runs.rules.send_window import open_intervals, opens_anywhere, parse_window, zone

LIFETIME_MS = 24 * 3600 * 1000
"""A run without `expires_at` ends this long after it was due."""

_OBJECT = 'write the Send API\'s message object, for example {"text": "Hello"}'
_SHOWN_PROBLEMS = 20  # of one message's form
_LONGEST_ID = 500  # characters; a row of the log holds no longer ones
_MOST_RECIPIENTS = 2**53
_LATEST_MS = 253_370_764_799_000  # the end of the year 9998: in no time zone is that later than Python can say


class Refusal(msgspec.Struct, frozen=True):
    """The run is unusable; `reason` names everything that is wrong with it and what to write instead."""

    reason: str


def check(
    row: SourceRun,
    *,
    now_ms: int,
    has_token: bool,
    time_zone: str | None,
    own_zones: bool = False,
    rules_off: Collection[str] = (),
) -> Run | Refusal:
    """Turn a row into a run.

    Args:
        row: what the source says.
        now_ms: the time, ms since 1970 (UTC).
        has_token: whether the row or its page has a token.
        time_zone: the page's.
        own_zones: whether some of its recipients may have another one.
        rules_off: rules of a message's form that do not count.
    """
    message, message_problems = _message(row.message, rules_off)
    problems = [
        *_id_problems(row),
        *_page_problems(row, has_token),
        *message_problems,
        *_type_problems(row),
        *_policy_problems(row),
        *_count_problems(row),
        *_window_problems(row, time_zone, now_ms, own_zones=own_zones),
    ]
    if problems:
        return Refusal("; ".join(problems))
    on_unknown: Literal["hold", "resend"] = "resend" if row.on_unknown == "resend" else "hold"
    return Run(
        run_id=row.run_id,
        page_id=row.page_id or "",
        message=message,
        messaging_type=messaging_type(row),
        tag=row.tag or None,
        notification_type=row.notification_type or None,
        content=content_class(message),
        priority=_priority(row) or 0,
        on_unknown=on_unknown,
        expires_at_ms=expires_at_ms(row, now_ms),
        parent_run_id=row.parent_run_id,
    )


def messaging_type(row: SourceRun) -> str:
    """Return the run's messaging type: `UPDATE`, a broadcast inside the window, when it names none."""
    return row.messaging_type or "UPDATE"


def expires_at_ms(row: SourceRun, now_ms: int) -> int:
    """Return when the run ends; a moment in the past stays one, so that every recipient ends as `expired`."""
    if row.expires_at_s is not None:
        return moment_ms(row.expires_at_s)
    due_ms = now_ms if row.scheduled_at_s is None else moment_ms(row.scheduled_at_s)
    return min(max(due_ms, 0) + LIFETIME_MS, _LATEST_MS)


def moment_ms(seconds: float) -> int:
    """Turn seconds since 1970 into ms; `-infinity` and `infinity` become the ends of what can be written."""
    return int(min(max(seconds * 1000, 0.0), float(_LATEST_MS)))


def at(ms: int) -> datetime:
    """Turn ms since 1970 into an aware datetime."""
    return datetime.fromtimestamp(ms / 1000, UTC)


def content_class(message: dict[str, Any]) -> ContentClass:
    """Return which limit of the page counts: audio and video have a lower one (platform facts, section 0.2)."""
    attachment = message.get("attachment")
    if not isinstance(attachment, dict):
        return "text"
    payload = attachment.get("payload")
    elements = payload.get("elements") if isinstance(payload, dict) else None
    kinds = [attachment.get("type")]
    kinds += [e.get("media_type") for e in elements if isinstance(e, dict)] if isinstance(elements, list) else []
    return "media" if {"audio", "video"} & {k for k in kinds if isinstance(k, str)} else "text"


def _message(text: str | None, rules_off: Collection[str]) -> tuple[dict[str, Any], list[str]]:
    if text is None:
        return {}, [f"message is missing: {_OBJECT}"]
    try:
        message = msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError) as exc:
        return {}, [f"message is not valid JSON ({exc})"]
    if isinstance(message, str):
        return {}, ["message is JSON text inside a JSON string: store the object itself"]
    if not isinstance(message, dict) or not message:
        return {}, [f"message is {'empty' if message == {} else 'not a JSON object'}: {_OBJECT}"]
    return message, [*_content_problems(message), *_form_problems(message, rules_off)]


def _content_problems(message: dict[str, Any]) -> Iterator[str]:
    try:
        MessageTemplate(message)
    except BadTemplate as exc:
        yield f"{exc}: a placeholder is {{{{name}}}} or {{{{name|fallback}}}}"
    if b"\\u0000" in msgspec.json.encode(message):
        yield "message holds a NUL character"


def _form_problems(message: dict[str, Any], rules_off: Collection[str]) -> Iterator[str]:
    problems = form_problems(message, rules_off)
    yield from map(str, problems[:_SHOWN_PROBLEMS])
    if len(problems) > _SHOWN_PROBLEMS:
        yield f"and {len(problems) - _SHOWN_PROBLEMS} more of the message"


def _id_problems(row: SourceRun) -> Iterator[str]:
    if len(row.run_id) > _LONGEST_ID:
        yield f"run_id has over {_LONGEST_ID} characters"
    if len(row.page_id or "") > _LONGEST_ID:
        yield f"page_id has over {_LONGEST_ID} characters"


def _page_problems(row: SourceRun, has_token: bool) -> Iterator[str]:
    if not (row.page_id and re.fullmatch(r"[0-9]+", row.page_id)):
        yield f"page_id {row.page_id!r} is not a page's number (digits only)"
    if not has_token:
        yield "page_access_token is missing: give the run or its page one"


def _type_problems(row: SourceRun) -> Iterator[str]:
    kind, tag = messaging_type(row), row.tag
    if kind not in MESSAGING_TYPES:
        yield f"messaging_type {kind!r} is unknown: write one of {_names(MESSAGING_TYPES)}"
    elif kind == "MESSAGE_TAG" and not tag:
        yield "messaging_type MESSAGE_TAG needs a tag"
    elif kind != "MESSAGE_TAG" and tag:
        yield f"tag {tag!r} goes with messaging_type MESSAGE_TAG only, not with {kind}"
    if tag in DEAD_TAGS:
        yield f"tag {tag} no longer works since 2026-04-27: Meta answers every message with code 100"
    elif tag == "HUMAN_AGENT":
        yield "tag HUMAN_AGENT is for answers that a person writes, never for a broadcast"


def _policy_problems(row: SourceRun) -> Iterator[str]:
    if row.notification_type and row.notification_type not in NOTIFICATION_TYPES:
        yield f"notification_type {row.notification_type!r} is unknown: write one of {_names(NOTIFICATION_TYPES)}"
    if row.on_unknown and row.on_unknown not in ("hold", "resend"):
        yield f"on_unknown {row.on_unknown!r} is unknown: write hold or resend"
    if _priority(row) is None:
        yield f"priority must be a whole number from -1000 to 1000, not {row.priority}"


def _priority(row: SourceRun) -> int | None:
    """Return the run's priority; None when it cannot be one."""
    try:
        priority = float(row.priority or 0)
    except ValueError:
        return None
    return int(priority) if -1000 <= priority <= 1000 else None  # which NaN is not


def _window_problems(row: SourceRun, time_zone: str | None, now_ms: int, *, own_zones: bool) -> Iterator[str]:
    if not row.send_window or not row.send_window.strip():
        return
    window = where = None
    try:
        window = parse_window(row.send_window)
    except ValueError as exc:
        yield str(exc)
    try:
        where = zone(time_zone)
    except ValueError as exc:
        yield str(exc)
    if window and where:
        begins = max(now_ms, 0 if row.scheduled_at_s is None else moment_ms(row.scheduled_at_s))
        expires = expires_at_ms(row, now_ms)
        span = begins, min(expires, known_until_ms(begins))  # a window opens again within that time
        opens = opens_anywhere(window, *span) if own_zones else open_intervals(window, where, *span)
        if expires > begins and not opens:  # else it is taken, so that everybody ends as expired
            yield (
                f"send_window {row.send_window!r} does not open, in {where.key}, before the run expires "
                f"({at(expires):%Y-%m-%d %H:%M} UTC): write other hours or a later expires_at"
            )


def expected_recipients(row: SourceRun) -> int | None:
    """Return how many rows the source says that the run has; None: it does not say, or not as a whole number."""
    try:
        count = float(row.recipients or "nan")
    except ValueError:
        return None
    return int(count) if count.is_integer() and 0 <= count < _MOST_RECIPIENTS else None


def _count_problems(row: SourceRun) -> Iterator[str]:
    if row.recipients is not None and expected_recipients(row) is None:
        yield f"recipients must be a whole number from 0, or NULL where you do not count them, not {row.recipients}"


def _names(values: frozenset[str]) -> str:
    return ", ".join(sorted(values))
