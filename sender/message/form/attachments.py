"""The form of a message's attachments."""

from __future__ import annotations

from sender.message.form.form_rules import MAX_IMAGES
from sender.message.form.part import Part
from sender.message.form.payloads import check_file, check_template

_KEYS = ("type", "payload")
_TYPES = ("image", "audio", "video", "file", "template")


def check_attachment(message: Part) -> None:
    """Check `attachment`: a file, or a template."""
    attachment = message.part("attachment", needed=False)
    if attachment is None or attachment.members.get("type") == "sticker":
        return  # stickers came in June 2026, and their form is not known for sure
    attachment.only(_KEYS)
    kind = attachment.choice("type", _TYPES, "attachment-type")
    payload = attachment.part("payload")
    if kind is not None and payload is not None:
        (check_template if kind == "template" else check_file)(payload)


def check_attachments(message: Part) -> None:
    """Check `attachments`: several images in one message."""
    for attachment in message.parts("attachments", 1, MAX_IMAGES, "attachment-count", needed=False):
        attachment.only(_KEYS)
        kind = attachment.choice("type", ("image",), "attachments-images")
        payload = attachment.part("payload")
        if kind is not None and payload is not None:
            check_file(payload)
