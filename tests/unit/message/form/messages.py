"""Messages as people write them, whole and in pieces."""

from __future__ import annotations

from typing import Any

Message = dict[str, Any]

URL = "https://example.com/a?b=c#d"
WEB = {"type": "web_url", "url": URL, "title": "View"}
POSTBACK = {"type": "postback", "title": "Start", "payload": "GO"}
CARD = {"title": "Welcome!", "subtitle": "Hats for everyone."}
REPLY = {"content_type": "text", "title": "Red", "payload": "RED"}


def files(kind: str, **payload: Any) -> Message:
    return {"attachment": {"type": kind, "payload": payload}}


def template(kind: str, **payload: Any) -> Message:
    return files("template", template_type=kind, **payload)


def buttons(*given: Any, text: Any = "Try it") -> Message:
    return template("button", text=text, buttons=list(given))


def cards(*given: Any) -> Message:
    return template("generic", elements=list(given))


def replies(*given: Any) -> Message:
    return {"text": "Pick a colour:", "quick_replies": list(given)}


def images(count: int) -> Message:
    return {"attachments": [{"type": "image", "payload": {"url": URL}}] * count}


def grid(count: int) -> Message:
    return template("image_grid", elements=[{"images": [{"url": URL}] * count}])


def utility(**more: Any) -> Message:
    return {"template": {"name": "order_update", "language": {"code": "en"}, **more}}


GOOD: dict[str, Message] = {
    "a text": {"text": "Hello"},
    "a text with null beside it": {"text": "Hello", "attachment": None, "quick_replies": None, "metadata": "c=42"},
    "a text for everybody": {"text": "{{first_name}}"},
    "an image by address": files("image", url="http://www.example.com/image.jpg", is_reusable=True),
    "an image by id": files("image", attachment_id="1857777774821032"),
    "a file by a number": files("file", attachment_id=1857777774821032, is_reusable="true"),
    "a sound": files("audio", url="HTTPS://example.com/ä.mp3"),
    "images": images(2),
    "a carousel": template(
        "generic",
        image_aspect_ratio="square",
        sharable=False,
        elements=[
            {
                "title": "Welcome!",
                "image_url": "https://raw.githubusercontent.com/fbsamples/hats/main/male-work.jpg",
                "subtitle": "We have the right hat for everyone.",
                "default_action": {
                    "type": "web_url",
                    "url": "https://www.originalcoastclothing.com/",
                    "messenger_extensions": False,
                    "webview_height_ratio": "tall",
                },
                "buttons": [WEB, POSTBACK],
            },
            {"title": "Second", "image_url": URL, "subtitle": ""},
        ],
    ),
    "buttons of every kind": buttons(
        WEB | {"webview_height_ratio": "full", "messenger_extensions": "false", "fallback_url": URL},
        {"type": "phone_number", "title": "Call", "payload": "+16505551234"},
        {"type": "game_play", "title": "Play", "payload": "{}", "game_metadata": {"context_id": "1"}},
    ),
    "log in and out": buttons({"type": "account_link", "url": URL}, {"type": "account_unlink"}),
    "media by id": template("media", elements=[{"media_type": "image", "attachment_id": "1"}]),
    "media by address": template(
        "media", elements=[{"media_type": "video", "url": "https://www.facebook.com/p/videos/1/", "buttons": [WEB]}]
    ),
    "a receipt": template(
        "receipt",
        recipient_name="Ann",
        order_number="12345678902",
        currency="USD",
        payment_method="Visa 2345",
        order_url="http://example.com/order?order_id=123456",
        timestamp="1428444852",
        address={"street_1": "1 Hacker Way", "street_2": "", "city": "Menlo Park", "country": "US"},
        summary={"subtotal": 75.00, "total_cost": 56.14},
        adjustments=[{"name": "Discount", "amount": 20}],
        elements=[{"title": "T-Shirt", "quantity": 2, "price": 50, "currency": "USD", "image_url": URL}],
    ),
    "a coupon": template("coupon", title="10% off everything", coupon_code="10PERCENT"),
    "products": template("product", elements=[{"id": "1"}, {"id": 2}]),
    "a survey": template("customer_feedback", title="Rate us", feedback_screens=[{"questions": []}]),
    "a grid": grid(6),
    "quick replies": replies(
        REPLY,
        {"content_type": "user_phone_number"},
        {"content_type": "user_email", "title": None, "payload": "x"},
        {"content_type": "text", "title": "", "payload": "", "image_url": "http://example.com/green.png"},
        REPLY | {"payload": 7},
    ),
    "quick replies under an image": {**files("image", attachment_id="1"), "quick_replies": [REPLY]},
    "a utility template": utility(
        components=[{"type": "body", "parameters": [{"type": "text", "text": "{{first_name}}"}]}]
    ),
    "a utility template alone": utility(),
    "a sticker": {"sticker_id": "369239263222822"},
    "a sticker as attachment": files("sticker", sticker_id=1),
    "everything filled in": cards(
        {
            "title": "{{title|" + "x" * 100 + "}}",
            "image_url": "{{picture}}",
            "default_action": {"type": "web_url", "url": "https://{{shop}}.example.com/{{ first name }}"},
            "buttons": [
                {"type": "{{kind}}", "what": "ever"},
                {"type": "web_url", "url": "http{{s}}://example.com", "title": "{{go}}"},
                {"type": "phone_number", "title": "Call {{name}}", "payload": "+49{{phone}}"},
            ],
        }
    ),
}
