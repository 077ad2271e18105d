"""Makes docs/message-rules.md: `python -m ops.generated_docs.message_rules_page > docs/message-rules.md`."""

from __future__ import annotations

import sys

from schema.runtime.settings import setting_name
from sender.message.form.form_rules import RULES

_SETTING = setting_name("message_rules_off")
_HEAD = f"""\
# Message rules

A run's `message` is the [Send API](https://developers.facebook.com/docs/messenger-platform/reference/send-api)'s
`message` object, without the request around it:

    {{"text": "Hello {{{{first_name|there}}}}, we are open until nine."}}

What Meta would refuse for everybody is refused before the run is taken, by `newar run submit` and by the run processor:
all problems at once, each with its place, what to write instead, and the name of its rule.

    newar: message.attachment.payload.buttons: 4 items: give 1 to 3 (rule button-count)

Placeholders may become anything, so lengths count only the characters around them, and an address that is one wholly
passes. What they became is looked at when the recipients are put into the queue: whose filled-in message breaks a rule
`failed` as `bad_payload`, without being sent to.

What is not documented for sure passes: so do stickers, and the contents of `receipt`, `coupon`, `customer_feedback` and
other templates than those below. Should Meta take what a rule refuses, switch the rule off by its name, for the run
processor and for `newar run submit` alike:

    {_SETTING}=button-title,quick-reply-title

How sure a rule is stands at its end. D: documented by Meta. C: what published clients do, or report. J: our judgement.

This page is made from the code: `python -m ops.generated_docs.message_rules_page > docs/message-rules.md`.

| rule | |
| --- | --- |
"""


def page() -> str:
    """Return the text of docs/message-rules.md."""
    return _HEAD + "".join(f"| `{name}` | {meaning} |\n" for name, meaning in RULES.items())


if __name__ == "__main__":
    sys.stdout.write(page())
