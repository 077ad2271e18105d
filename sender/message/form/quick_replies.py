"""The form of quick replies."""

from __future__ import annotations

from sender.message.form.form_rules import MAX_PAYLOAD, MAX_QUICK_REPLIES, MAX_QUICK_REPLY_TITLE
from sender.message.form.part import Part

_TYPES = ("text", "user_phone_number", "user_email")


def check_quick_replies(message: Part) -> None:
    """Check a message's `quick_replies`. Phone number and address are the person's own: they need no title."""
    for reply in message.parts("quick_replies", 1, MAX_QUICK_REPLIES, "quick-reply-count", needed=False):
        reply.only(("content_type", "title", "payload", "image_url"))
        if reply.choice("content_type", _TYPES, "quick-reply-type") == "text":
            pictured = reply.has("image_url")  # then the title may be empty
            reply.text("title", MAX_QUICK_REPLY_TITLE, "quick-reply-title", needed=not pictured)
            reply.tap(MAX_PAYLOAD, "payload-length", needed=True)
        reply.address("image_url", needed=False)
