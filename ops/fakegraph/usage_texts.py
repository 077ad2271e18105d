"""The usage headers that answers carry when told so: percentages, or texts as they are to stand there."""

from collections.abc import Mapping
from math import isfinite

from ops.fakegraph.schedules import Plan, Schedule, Told, read_schedule

EVERY = "*"
APP = "app"
PAGE_WORD = "PAGE"  # in a raw text: the id of the page that sends


class UsageTexts:
    """What usage headers say.

    Args:
        by_pool: A percentage or a text by page, `*` (each page that has none of its own) or `app`. An empty text leaves
            the header out, None leaves it as the answer has it.
        told_at_s: The moment from which their times count.
    """

    def __init__(self, by_pool: Mapping[str, Schedule[Told]], told_at_s: float = 0.0) -> None:
        self._by_pool = by_pool
        self._told_at_s = told_at_s

    def __bool__(self) -> bool:
        return bool(self._by_pool)

    def of_page(self, page_id: str, now_s: float) -> str | None:
        """The text of X-Business-Use-Case-Usage; None for the answer's own."""
        schedule = self._by_pool.get(page_id) or self._by_pool.get(EVERY)
        told = None if schedule is None else schedule.at(now_s - self._told_at_s)
        if told is None or isinstance(told, str):
            return told.replace(PAGE_WORD, page_id) if told else told
        counts = f'"call_count":{told:g},"total_cputime":1,"total_time":1,"estimated_time_to_regain_access":0'
        return f'{{"{page_id}":[{{"type":"messenger",{counts}}}]}}'

    def of_app(self, now_s: float) -> str | None:
        """The text of X-App-Usage; None for the answer's own."""
        schedule = self._by_pool.get(APP)
        told = None if schedule is None else schedule.at(now_s - self._told_at_s)
        if told is None or isinstance(told, str):
            return told
        return f'{{"call_count":{told:g},"total_cputime":0,"total_time":0}}'


def read_usage_texts(plans: Mapping[str, Plan], now_s: float, problems: list[str]) -> UsageTexts:
    """What was told; what is wrong with it is added to `problems`."""
    return UsageTexts(
        {pool: read_schedule(plan, f"usage of {pool!r}", _problem, problems) for pool, plan in plans.items()},
        now_s,
    )


def _problem(told: Told) -> str:
    if told is None:
        return ""
    if isinstance(told, str):
        fits = told.isprintable() and told.isascii()
        return "" if fits else "cannot stand in a header: write printable ASCII without line breaks"
    return "" if isfinite(told) and told >= 0 else "is not a percentage, 0 or more, nor the text of a header"
