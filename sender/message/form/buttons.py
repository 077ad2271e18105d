"""The form of buttons, which templates have."""

from __future__ import annotations

import re

from sender.message.form.fixed_text import fixed_parts, is_fixed
from sender.message.form.form_rules import MAX_BUTTON_TITLE, MAX_BUTTONS, MAX_PAYLOAD
from sender.message.form.part import Part

_WEB_KEYS = ("type", "url", "webview_height_ratio", "messenger_extensions", "fallback_url", "webview_share_button")
_KEYS = {
    "web_url": (*_WEB_KEYS, "title"),
    "postback": ("type", "title", "payload"),
    "phone_number": ("type", "title", "payload"),
    "account_link": ("type", "url", "title"),
    "account_unlink": ("type", "title"),
    "game_play": ("type", "title", "payload", "game_metadata"),
}
"""Type -> keys. Meta gives log-in and log-out buttons their titles; some clients send one, which does no harm."""
_TITLED = ("web_url", "postback", "phone_number", "game_play")
_PHONE = re.compile(r"\+[0-9]{5,20}")


def check_buttons(part: Part, *, least: int = 0, needed: bool = False) -> None:
    """Check a part's `buttons`."""
    for button in part.parts("buttons", least, MAX_BUTTONS, "button-count", needed=needed):
        _check_button(button)


def check_default_action(part: Part) -> None:
    """Check what a tap on a card does: as a `web_url` button, without a title."""
    action = part.part("default_action", needed=False)
    if action is None:
        return
    if action.has("title"):
        action.wrong("default-action", "has no title: leave it out")
    action.only((*_WEB_KEYS, "title"))
    if action.choice("type", ("web_url",), "default-action"):
        _check_web(action)


def _check_button(button: Part) -> None:
    kind = button.choice("type", tuple(_KEYS), "button-type")
    if kind is None:
        return
    button.only(_KEYS[kind])
    button.text("title", MAX_BUTTON_TITLE, "button-title", needed=kind in _TITLED)
    if kind in ("web_url", "account_link"):
        _check_web(button)
    elif kind in ("postback", "game_play"):
        button.tap(MAX_PAYLOAD, "payload-length", needed=kind == "postback")
    elif kind == "phone_number":
        button.text("payload")
        button.judge("payload", button.members.get("payload"), "phone-number", _phone_fault)


def _check_web(button: Part) -> None:
    button.address("url")
    button.address("fallback_url", needed=False)
    button.flag("messenger_extensions")


def _phone_fault(number: str) -> str | None:
    fits = _PHONE.fullmatch(number) if is_fixed(number) else not "".join(fixed_parts(number)).strip("+0123456789")
    return None if fits or not number.strip() else "no such number: write it like +16505551234"
