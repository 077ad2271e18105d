"""The form of what attachments carry: a file, or a template."""

from __future__ import annotations

from collections.abc import Callable

from sender.message.form.buttons import check_buttons, check_default_action
from sender.message.form.form_rules import GRID_IMAGES, MAX_BUTTON_TEXT, MAX_ELEMENT_TEXT, MAX_ELEMENTS
from sender.message.form.part import Part

_CARD_KEYS = ("title", "subtitle", "image_url", "item_url", "default_action", "buttons")
_GONE = {
    "list": 'the list template is gone: write "generic", whose cards people swipe through',
    "open_graph": 'the open_graph template is gone: write "generic", or the address into "text"',
}


def check_file(payload: Part) -> None:
    """Check a payload that is a file."""
    payload.only(("url", "attachment_id", "is_reusable"))
    _check_source(payload)
    payload.flag("is_reusable")


def check_template(payload: Part) -> None:
    """Check a payload that is a template. Of templates that are only known by name nothing more is asked."""
    if (gone := payload.members.get("template_type")) in ("list", "open_graph"):
        payload.wrong("template-gone", _GONE[gone], "template_type")
        return
    kind = payload.choice("template_type", tuple(_TEMPLATES), "template-type")
    if kind is not None and (check := _TEMPLATES[kind]):
        check(payload)


def _check_generic(payload: Part) -> None:
    payload.only(("template_type", "elements", "sharable", "image_aspect_ratio"))
    payload.flag("sharable")
    for card in payload.parts("elements", 1, MAX_ELEMENTS, "element-count"):
        card.only(_CARD_KEYS)
        card.text("title", MAX_ELEMENT_TEXT, "element-title")
        card.text("subtitle", MAX_ELEMENT_TEXT, "element-subtitle", needed=False)
        card.address("image_url", needed=False)
        if not any(card.has(key) for key in card.members if key != "title"):
            card.wrong("element-bare", "nothing besides a title: add a subtitle, image_url, default_action or buttons")
        check_default_action(card)
        check_buttons(card)


def _check_button(payload: Part) -> None:
    payload.only(("template_type", "text", "buttons", "sharable"))
    payload.flag("sharable")
    payload.text("text", MAX_BUTTON_TEXT, "button-text")
    check_buttons(payload, least=1, needed=True)


def _check_media(payload: Part) -> None:
    payload.only(("template_type", "elements", "sharable"))
    payload.flag("sharable")
    for element in payload.parts("elements", 1, 1, "element-count"):
        element.only(("media_type", "attachment_id", "url", "buttons"))
        element.choice("media_type", ("image", "video"), "media-type")
        _check_source(element)
        check_buttons(element)


def _check_grid(payload: Part) -> None:
    for element in payload.parts("elements", 1, 1, "element-count"):
        element.parts("images", *GRID_IMAGES, "image-grid")


def _check_product(payload: Part) -> None:
    payload.parts("elements", 1, MAX_ELEMENTS, "element-count")


_TEMPLATES: dict[str, Callable[[Part], None] | None] = {
    "generic": _check_generic,
    "button": _check_button,
    "media": _check_media,
    "product": _check_product,
    "image_grid": _check_grid,
    "receipt": None,
    "coupon": None,
    "customer_feedback": None,
    "customer_information": None,
    "notification_messages": None,
    "one_time_notif_req": None,
    "airline_boardingpass": None,
    "airline_checkin": None,
    "airline_itinerary": None,
    "airline_update": None,
}


def _check_source(part: Part) -> None:
    by_url, by_id = part.has("url"), part.has("attachment_id")
    if by_url and by_id:
        part.wrong("attachment-source", "both url and attachment_id: leave one out")
    elif not by_url and not by_id:
        part.wrong("attachment-source", 'neither url nor attachment_id: add "url": "https://…", or "attachment_id"')
    part.address("url", needed=False)
    if by_id:
        part.name("attachment_id")
