"""What the platform is told, and how it is signed."""

from __future__ import annotations

import base64
import hashlib
import hmac
from datetime import UTC, datetime

import msgspec
import pytest
from pydantic import SecretStr, ValidationError

from sender.runs.webhooks.settings import WebhookSettings
from sender.runs.webhooks.signed_message import News, body, headers, signing_key

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


def verified(secret: str, sent: dict[str, str], said: bytes) -> bool:
    """Verify as docs/webhook.md says."""
    signed = f"{sent['webhook-id']}.{sent['webhook-timestamp']}.".encode() + said
    key = base64.b64decode(secret.removeprefix("whsec_"))
    wanted = "v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    return any(hmac.compare_digest(one, wanted) for one in sent["webhook-signature"].split(" "))


def test_the_signature_is_that_of_the_standards_example() -> None:
    sent = headers(signing_key(SECRET), "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}')
    assert sent["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
    assert verified(SECRET, sent, b'{"test": 2432232314}')
    assert not verified(SECRET, sent, b'{"test": 2432232315}')


def test_what_is_not_known_is_null() -> None:
    at = datetime(2026, 11, 26, 9, 30, tzinfo=UTC)
    news = News(1, "id", "a/b", "7", "run.braked", "waiting", None, None, at, 1)
    assert msgspec.json.decode(body(news)) == {
        "type": "run.braked",
        "timestamp": "2026-11-26T09:30:00Z",
        "data": {
            "run_id": "a/b",
            "page_id": "7",
            "event": "run.braked",
            "status": "waiting",
            "recipients": None,
            "outcomes": None,
            "at": "2026-11-26T09:30:00Z",
        },
    }


@pytest.mark.parametrize(
    "secret", ["", "geheim", "whsec_", "whsec_c2hvcnQ=", "whsec_!!!", SECRET.removeprefix("whsec_")]
)
def test_a_secret_that_is_none_is_refused_and_not_told(secret: str) -> None:
    with pytest.raises(ValueError, match="openssl rand") as caught:
        signing_key(secret)
    assert "geheim" not in str(caught.value)


def loaded(**values: object) -> WebhookSettings:
    given = {name: SecretStr(v) if isinstance(v, str) else v for name, v in values.items()}
    return WebhookSettings(_env_file=None, **given)  # type: ignore[call-arg, arg-type]  # BaseSettings takes both


@pytest.mark.parametrize(
    ("values", "problem"),
    [
        ({"run_webhook_url": "ftp://x/", "run_webhook_secret": SECRET}, "https://"),
        ({"run_webhook_url": "https:///x", "run_webhook_secret": SECRET}, "name a server"),
        ({"run_webhook_url": "http://10.0.0.1/x", "run_webhook_secret": SECRET}, "anybody on the way"),
        ({"run_webhook_url": "http://localhost.example.com/x", "run_webhook_secret": SECRET}, "anybody on the way"),
        ({"run_webhook_url": "https://a.example.com/x"}, "needs RUN_WEBHOOK_SECRET"),
    ],
)
def test_who_cannot_be_told_safely_is_refused(values: dict[str, object], problem: str) -> None:
    with pytest.raises(ValidationError, match=problem):
        loaded(**values)


@pytest.mark.parametrize(
    "values",
    [
        {},
        {"run_webhook_url": "https://a.example.com/x?key=1", "run_webhook_secret": SECRET},
        {"run_webhook_url": "http://127.0.0.1:1/x", "run_webhook_secret": SECRET},
        {"run_webhook_url": "http://[::1]:1/x", "run_webhook_secret": SECRET},
        {"run_webhook_url": "http://10.0.0.1/x", "run_webhook_secret": SECRET, "run_webhook_insecure": True},
    ],
)
def test_others_may_be_told(values: dict[str, object]) -> None:
    loaded(**values)
