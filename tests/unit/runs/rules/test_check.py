"""Which runs are refused, and what people are told."""

from __future__ import annotations

import re
from collections.abc import Collection

import msgspec
import pytest

from schema.run import Run
from sender.runs.rules.check import LIFETIME_MS, Refusal, check, content_class
from sender.runs.rules.rows import SourceRun

NOW_MS = 1_800_000_000_000
GOOD = SourceRun(run_id="r1", page_id="100", page_access_token="t", message='{"text": "Hi {{name|there}}"}')


def checked(
    zone: str | None = None,
    token: bool = True,
    own_zones: bool = False,
    rules_off: Collection[str] = (),
    **changes: object,
) -> Run | Refusal:
    row = msgspec.structs.replace(GOOD, **changes)
    return check(row, now_ms=NOW_MS, has_token=token, time_zone=zone, own_zones=own_zones, rules_off=rules_off)


def _buttons(count: int, text: str) -> dict[str, object]:
    button = {"type": "web_url", "url": "https://example.com", "title": "x"}
    payload = {"template_type": "button", "text": text, "buttons": [button] * count}
    return {"attachment": {"type": "template", "payload": payload}}


_REPLY = {"content_type": "text", "title": "x" * 36, "payload": "x"}
BAD_FORMS: list[tuple[set[str], dict[str, object]]] = [
    ({"whole-request"}, {"recipient": {"id": "1"}, "messaging_type": "UPDATE", "message": {"text": "Hello"}}),
    ({"whole-request"}, {"message": {"text": "Hello"}}),
    ({"unknown-key", "no-content"}, {"txt": "Hello"}),
    ({"blank-text"}, {"text": ""}),
    ({"no-content"}, {"text": None}),
    ({"quick-reply-count", "quick-reply-title"}, {"text": "Hi", "quick_replies": [_REPLY] * 14}),
    ({"button-count", "button-text"}, _buttons(4, "x" * 641)),
    (
        {"element-count"},
        {
            "attachment": {
                "type": "template",
                "payload": {"template_type": "generic", "elements": [{"title": "x", "subtitle": "y"}] * 11},
            }
        },
    ),
    ({"attachment-type"}, {"attachment": {"type": "photo", "payload": {"url": "https://example.com/a.png"}}}),
    ({"text-length"}, {"text": "x" * 2001}),
]


def taken(**changes: object) -> Run:
    run = checked(**changes)  # type: ignore[arg-type]  # names of columns
    assert isinstance(run, Run), run
    return run


def test_plain_run_is_taken_with_the_defaults() -> None:
    assert taken() == Run(
        run_id="r1",
        page_id="100",
        message={"text": "Hi {{name|there}}"},
        messaging_type="UPDATE",
        priority=0,
        on_unknown="hold",
        expires_at_ms=NOW_MS + LIFETIME_MS,
    )


def test_run_keeps_what_its_row_says() -> None:
    run = taken(
        messaging_type="MESSAGE_TAG",
        tag="CUSTOMER_FEEDBACK",
        notification_type="NO_PUSH",
        priority="7.00",
        on_unknown="resend",
        expires_at_s=1_900_000_000.5,
        parent_run_id="r0",
    )
    assert (run.messaging_type, run.tag, run.notification_type) == ("MESSAGE_TAG", "CUSTOMER_FEEDBACK", "NO_PUSH")
    assert (run.priority, run.on_unknown, run.parent_run_id) == (7, "resend", "r0")
    assert run.expires_at_ms == 1_900_000_000_500


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        *(
            ({"messaging_type": "MESSAGE_TAG", "tag": tag}, f"tag {tag} no longer works since 2026-04-27")
            for tag in ("CONFIRMED_EVENT_UPDATE", "POST_PURCHASE_UPDATE", "ACCOUNT_UPDATE")
        ),
        ({"messaging_type": "MESSAGE_TAG", "tag": "HUMAN_AGENT"}, "never for a broadcast"),
        ({"messaging_type": "MESSAGE_TAG"}, "needs a tag"),
        ({"messaging_type": "UPDATE", "tag": "CUSTOMER_FEEDBACK"}, "goes with messaging_type MESSAGE_TAG only"),
        ({"messaging_type": "PROMO"}, "write one of MESSAGE_TAG, RESPONSE, UPDATE, UTILITY"),
        ({"notification_type": "LOUD"}, "write one of NO_PUSH, REGULAR, SILENT_PUSH"),
        ({"on_unknown": "retry"}, "write hold or resend"),
        ({"message": None}, "message is missing"),
        ({"message": "{"}, "message is not valid JSON"),
        ({"message": "[" * 5000}, "message is not valid JSON"),
        ({"message": "{}"}, "message is empty"),
        ({"message": "[]"}, "message is not a JSON object"),
        ({"message": '"{\\"text\\": \\"Hi\\"}"'}, "JSON text inside a JSON string"),
        ({"message": '{"text": "Hi {{name"}'}, "message.text, character 4: {{ without }}"),
        ({"message": '{"text": "Hi {{}}"}'}, "no name between {{ and }}"),
        ({"message": '{"text": "a\\u0000b"}'}, "NUL"),
        ({"run_id": "r" * 501}, "run_id has over 500 characters"),
        ({"page_id": "1" * 501}, "page_id has over 500 characters"),
        ({"page_id": None}, "page_id None is not a page's number"),
        ({"page_id": "my page"}, "page_id 'my page' is not a page's number"),
        ({"page_id": "١٢٣"}, "is not a page's number"),
        ({"token": False}, "page_access_token is missing"),
        ({"send_window": "9 to 5"}, "write for example 09:00-21:00"),
        ({"send_window": "09:00-21:00", "zone": "Mars/Base"}, "time_zone 'Mars/Base' of the page is unknown"),
        (  # it is Friday, 08:00
            {"send_window": "Mon-Thu 09:00-21:00"},
            "'Mon-Thu 09:00-21:00' does not open, in UTC, before the run expires (2027-01-16 08:00 UTC)",
        ),
        ({"send_window": "09:00-21:00", "expires_at_s": NOW_MS / 1000 + 3600}, "or a later expires_at"),
        (
            {
                "send_window": "08:00-09:00",
                "scheduled_at_s": NOW_MS / 1000 + 3600,
                "expires_at_s": NOW_MS / 1000 + 7200,
            },
            "does not open, in UTC, before the run expires (2027-01-15 10:00 UTC)",
        ),
        ({"send_window": "07:00-08:00", "zone": "Asia/Tokyo", "expires_at_s": NOW_MS / 1000 + 3600}, "in Asia/Tokyo,"),
        ({"send_window": "Mon-Wed 09:00-21:00", "own_zones": True}, "does not open"),
        ({"priority": "high"}, "priority must be a whole number from -1000 to 1000, not high"),
        ({"priority": "NaN"}, "priority must be a whole number"),
        ({"priority": "1e12"}, "priority must be a whole number"),
    ],
)
def test_unusable_run_is_refused_with_a_reason(changes: dict[str, object], reason: str) -> None:
    refusal = checked(**changes)  # type: ignore[arg-type]  # names of columns
    assert isinstance(refusal, Refusal)
    assert reason in refusal.reason


@pytest.mark.parametrize(("rules", "message"), BAD_FORMS)
def test_a_message_that_meta_would_refuse_is_refused_by_its_rules(rules: set[str], message: dict[str, object]) -> None:
    text = msgspec.json.encode(message).decode()
    refusal = checked(message=text)
    assert isinstance(refusal, Refusal)
    assert set(re.findall(r"\(rule ([a-z-]+)\)", refusal.reason)) == rules
    assert isinstance(checked(message=text, rules_off=rules), Run)


def test_a_message_with_problems_without_number_is_refused_in_few_words() -> None:
    cards = [{"title": "x" * 81, "buttons": [{}] * 9}] * 10
    payload = {"template_type": "generic", "elements": cards}
    refusal = checked(message=msgspec.json.encode({"attachment": {"type": "template", "payload": payload}}).decode())
    assert isinstance(refusal, Refusal)
    assert refusal.reason.count("(rule ") == 20
    assert refusal.reason.endswith("; and 30 more of the message")


def test_refusal_names_everything_that_is_wrong() -> None:
    refusal = checked(page_id="x", message="{}", messaging_type="PROMO")
    assert isinstance(refusal, Refusal)
    assert refusal.reason.count(";") == 2


@pytest.mark.parametrize(
    "changes",
    [
        {"send_window": "09:00-21:00", "expires_at_s": NOW_MS / 1000 + 3601},
        {"send_window": "Mon-Thu 09:00-21:00", "expires_at_s": NOW_MS / 1000 + 4 * 86400},
        {"send_window": "Mon-Thu 09:00-21:00", "expires_at_s": float("inf")},
        {"send_window": "Sun 02:00-02:30", "zone": "Europe/Berlin", "expires_at_s": float("inf")},
        {"send_window": "09:00-21:00", "expires_at_s": 1.0},  # everybody ends as expired
        {"send_window": "09:00-21:00", "expires_at_s": NOW_MS / 1000 + 60, "own_zones": True},
        {"send_window": "Mon-Thu 09:00-21:00", "expires_at_s": NOW_MS / 1000 + 60, "own_zones": True},
        {"send_window": "  "},
    ],
)
def test_run_that_opens_for_somebody_before_it_expires_is_taken(changes: dict[str, object]) -> None:
    assert taken(**changes).run_id == "r1"


def test_run_without_expiry_ends_a_day_after_it_was_due() -> None:
    assert taken(scheduled_at_s=NOW_MS / 1000 - 60).expires_at_ms == NOW_MS - 60_000 + LIFETIME_MS


def test_expired_run_is_taken_so_that_everybody_in_it_ends_as_expired() -> None:
    assert taken(expires_at_s=1.0).expires_at_ms == 1000


def test_infinite_expiry_is_the_last_moment_that_can_be_written() -> None:
    assert taken(expires_at_s=float("inf")).expires_at_ms == 253_370_764_799_000
    assert taken(scheduled_at_s=float("-inf")).expires_at_ms == LIFETIME_MS


@pytest.mark.parametrize(
    ("message", "content"),
    [
        ({"text": "x"}, "text"),
        ({"attachment": {"type": "image"}}, "text"),
        ({"attachment": {"type": "audio"}}, "media"),
        ({"attachment": {"type": "video", "payload": {"url": "u"}}}, "media"),
        ({"attachment": {"type": "template", "payload": {"elements": [{"media_type": "video"}]}}}, "media"),
        ({"attachment": {"type": "template", "payload": {"elements": [{"media_type": "image"}]}}}, "text"),
        ({"attachment": {"type": ["video"], "payload": {"elements": ["video"]}}}, "text"),
        ({"attachment": "video"}, "text"),
    ],
)
def test_audio_and_video_count_as_media(message: dict[str, object], content: str) -> None:
    assert content_class(message) == content
