"""The rules of a message's form: their names, by which each can be switched off, and what they ask for."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from sender.message.limits import MAX_TEXT

MAX_BUTTON_TEXT = 640
"""Characters of a button template's text."""
MAX_BUTTONS = 3
MAX_BUTTON_TITLE = 20
MAX_ELEMENTS = 10
"""Cards of a carousel, and products."""
MAX_ELEMENT_TEXT = 80
"""Characters of a card's title; of its subtitle too."""
MAX_QUICK_REPLIES = 13
MAX_QUICK_REPLY_TITLE = 20
MAX_PAYLOAD = 1000
"""Characters that come back when somebody taps a button or a quick reply."""
MAX_IMAGES = 30
"""Items of `message.attachments`."""
GRID_IMAGES = (2, 6)

RULES: Mapping[str, str] = {
    "whole-request": "only the inner `message` object is given: the request around it is made for each recipient (J)",
    "unknown-key": "every key is one that Meta documents at its place (D)",
    "json-type": "texts, lists, objects, numbers and truth values stand where Meta documents them (D)",
    "missing-key": "what Meta needs is there; `null` counts as missing (D)",
    "blank-text": "a text or title that is needed holds more than blanks (D)",
    "no-content": "there is something to send: `text`, `attachment`, `attachments` or `template` (D)",
    "one-content": "`text`, `attachment`, `attachments` and `template` do not go together (D)",
    "text-length": f"`text` has at most {MAX_TEXT} characters; senders keep to it also where this is off (D)",
    "url": "addresses begin with `https://` or `http://`, name a host and hold no blanks (D)",
    "attachment-type": "`attachment.type` is `image`, `audio`, `video`, `file` or `template` (D)",
    "attachment-source": "a file comes from `url` or from `attachment_id`, not from both (D)",
    "attachment-count": f"`attachments` has 1 to {MAX_IMAGES} items (D)",
    "attachments-images": "`attachments` are images (D)",
    "template-type": "`template_type` is one that Meta documents (D)",
    "template-gone": "the templates `list` and `open_graph` no longer exist (C)",
    "element-count": f"`generic` and `product` have 1 to {MAX_ELEMENTS} elements, `media` and `image_grid` one (D)",
    "element-title": f"a generic element's title has at most {MAX_ELEMENT_TEXT} characters (D)",
    "element-subtitle": f"a generic element's subtitle has at most {MAX_ELEMENT_TEXT} characters (D)",
    "element-bare": "a generic element has something besides its title (D)",
    "default-action": "`default_action` is a `web_url` button without a title (D)",
    "media-type": "a media element's `media_type` is `image` or `video` (D)",
    "image-grid": f"an image grid has {GRID_IMAGES[0]} to {GRID_IMAGES[1]} images (D)",
    "button-text": f"a button template's text has at most {MAX_BUTTON_TEXT} characters (D)",
    "button-count": f"there are at most {MAX_BUTTONS} buttons, and one at least in a button template (D)",
    "button-type": "a button's type is one that Meta documents (D)",
    "button-title": f"a button's title has at most {MAX_BUTTON_TITLE} characters (D)",
    "phone-number": "a phone number is `+`, the country's code and digits (D)",
    "payload-length": f"the payload of a button or quick reply has at most {MAX_PAYLOAD} characters (D)",
    "quick-reply-count": f"there are 1 to {MAX_QUICK_REPLIES} quick replies (D)",
    "quick-reply-type": "`content_type` is `text`, `user_phone_number` or `user_email` (D)",
    "quick-reply-title": f"a quick reply's title has at most {MAX_QUICK_REPLY_TITLE} characters (D)",
}
"""Name -> what a message must be, and how sure that is: D documented by Meta, C what published clients do or report,
J our own judgement."""


class FormProblem(msgspec.Struct, frozen=True):
    """One rule that a message breaks."""

    rule: str
    """A name of `RULES`."""
    position: str
    """Where, such as `message.attachment.payload.buttons[3]`; items are counted from 0."""
    text: str
    """What is wrong, and what to write instead."""

    def __str__(self) -> str:
        return f"{self.position}: {self.text} (rule {self.rule})"


def unknown_rules(names: frozenset[str]) -> str | None:
    """Return what to say of names that are no rules; None when all are."""
    unknown = sorted(names - RULES.keys())
    if not unknown:
        return None
    return f"{', '.join(unknown)}: no such rule; write names of {', '.join(RULES)}, with commas between"
