"""What the server keeps per page: its answers with its own usage header, and its rate limit."""

import json
from math import inf

from ops.fakegraph.answer_texts import SAMPLE_PAGE, Answer

USAGE_KEY = f'{{"{SAMPLE_PAGE}":'

BY_PAGE, BY_APP = "x-business-use-case-usage", "x-app-usage"


class Page:
    """One page, made at its first request."""

    __slots__ = ("_allowance", "_heads", "_refilled_at_s", "page_id")

    def __init__(self, page_id: str) -> None:
        self.page_id = page_id
        self._heads: dict[tuple[str, str | None, str | None], str] = {}
        self._allowance = inf  # full at first, whatever its size
        self._refilled_at_s = 0.0

    def head(self, answer: Answer, usage: str | None = None, app_usage: str | None = None) -> str:
        """The head of the answer, with this page's id in its usage header, or with the texts of both usage headers."""
        key = (answer.name, usage, app_usage)
        head = self._heads.get(key)
        if head is None:
            head = answer.head.replace(USAGE_KEY, f'{{"{self.page_id}":')
            head = self._heads[key] = with_usage(head, usage, app_usage)
        return head

    def may_send(self, per_second: float, now_s: float) -> bool:
        """Take one message from a token bucket that holds one second's worth, at least one message."""
        size = max(per_second, 1.0)
        self._allowance = min(size, self._allowance + (now_s - self._refilled_at_s) * per_second)
        self._refilled_at_s = now_s
        if self._allowance < 1.0:
            return False
        self._allowance -= 1.0
        return True


def with_usage(head: str, usage: str | None, app_usage: str | None) -> str:
    """A head with these texts in its usage headers; an empty text leaves the header out, None as it was."""
    for name, text in ((BY_PAGE, usage), (BY_APP, app_usage)):
        if text is not None:
            lines = [line for line in head.split("\r\n") if not line.startswith(f"{name}: ")]
            head = "\r\n".join([lines[0], *([f"{name}: {text}"] if text else []), *lines[1:]])
    return head


def member_usage(usage: str | None, app_usage: str | None) -> str:
    """The same for a member of a batch: the beginning of its list of headers, JSON text."""
    told = [{"name": name, "value": text} for name, text in ((BY_PAGE, usage), (BY_APP, app_usage)) if text]
    return "".join(json.dumps(header, separators=(",", ":")) + "," for header in told)
