"""What the server keeps per page: its answers with its own usage header, and its rate limit."""

from math import inf

from ops.fakegraph.answer_texts import SAMPLE_PAGE, Answer

USAGE_KEY = f'{{"{SAMPLE_PAGE}":'


class Page:
    """One page, made at its first request."""

    __slots__ = ("_allowance", "_heads", "_refilled_at_s", "page_id")

    def __init__(self, page_id: str) -> None:
        self.page_id = page_id
        self._heads: dict[str, str] = {}
        self._allowance = inf  # full at first, whatever its size
        self._refilled_at_s = 0.0

    def head(self, answer: Answer) -> str:
        """The head of the answer, with this page's id in its usage header."""
        head = self._heads.get(answer.name)
        if head is None:
            head = self._heads[answer.name] = answer.head.replace(USAGE_KEY, f'{{"{self.page_id}":')
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
