"""The statements that ask for rows of the log, so that each is answered from the newest end of one index. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from importlib.resources import files
from typing import Any

import msgspec

from ops.message_log.after import BEGINNING
from ops.message_log.question import Kind, Question

COLUMNS = (
    "event_id, run_id, page_id, recipient_id, attempt, outcome, error_class, error_code, error_subcode, error_message, "
    "http_status, message_id, latency_ms, sender_id, fbtrace_id, sent_at, ingested_at"
)
_FAILURE = "outcome NOT IN ('sent', 'retrying')"  # word for word as the indexes of failures have it
_OF_FAILURES = (Kind.FAILURES, Kind.FAILURES_OF_PAGE, Kind.FAILURES_OF_RUN)
_STEP = timedelta(microseconds=1)
Statement = tuple[str, dict[str, Any]]
_Key = Mapping[str, tuple[str, str]]
_NO_CLASS = "error_class IS NULL"
_MAY_BE_SEEN = "page_id = ANY(%(pages)s)"


class RunFigure(msgspec.Struct, frozen=True, kw_only=True):
    """How many attempts of a run ended so, and between which moments."""

    outcome: str
    error_class: str
    """`""`: none."""
    messages: int
    first_at: datetime
    last_at: datetime


def rows(question: Question, limit: int, until: datetime) -> Statement:
    """Return the statement of a question that is one list. `until`: no row is as new as that."""
    which = []
    match question.kind:
        case Kind.RECIPIENT:
            key: _Key = {"recipient_id": ("recipient", "text")}
            which += ["run_id = %(run)s"] if question.run else []
            which += ["page_id = %(page)s"] if question.page else []
        case Kind.PAGE | Kind.FAILURES_OF_PAGE:
            key = {"page_id": ("page", "text")}
            which += ["error_code = %(code)s"] if question.code is not None else []
        case Kind.FAILURES_OF_RUN:
            key = {"run_id": ("run", "text")}
            which += ["error_code = %(code)s"] if question.code is not None else []
        case Kind.FAILURES if question.pages is not None:
            return _of_pages(question, limit, until)
        case Kind.FAILURES:
            key = {} if question.code is None else {"error_code": ("code", "int")}
            which += ["error_code IS NOT NULL"] if key else []  # as its index says, word for word
        case _:
            key = {}
    which += ["message_id = %(message)s"] if question.message else []
    which += [_FAILURE] if question.kind in _OF_FAILURES else []
    which += [_MAY_BE_SEEN] if question.pages is not None else []
    return _list(key, which), _params(question, limit) | _between(question, until)


def rows_of_run(question: Question, figures: Sequence[RunFigure], limit: int, most: int) -> Statement | None:
    """Return the statement of a question of a run: the newest of each outcome and class, and of these the newest.

    `limit`: rows of each, `most`: of all together. None: nothing in the figures answers it.
    """
    params = _params(question, limit) | {"most": most}
    lists: list[str] = []
    more = [] if question.code is None else ["error_code = %(code)s"]
    more += [] if question.pages is None else [_MAY_BE_SEEN]
    for figure in figures:
        since = max(question.since or figure.first_at, figure.first_at)
        until = _until(question, figure.last_at + _STEP)
        if not _asked_for(question, figure) or since >= until:
            continue
        n = f"_{len(lists)}"
        params |= {
            f"since{n}": since,
            f"until{n}": until,
            f"outcome{n}": figure.outcome,
            f"class{n}": figure.error_class,
        }
        of_class = f"error_class = %(class{n})s" if figure.error_class else _NO_CLASS
        lists.append(_list({"run_id": ("run", "text")}, [f"outcome = %(outcome{n})s", of_class, *more], n))
    if not lists:
        return None
    return sql("newest").format(columns=COLUMNS, lists=" UNION ALL ".join(f"({one})" for one in lists)), params


def sql(name: str) -> str:
    """Return the text of `sql/NAME.sql`."""
    return files("ops.message_log").joinpath("sql", f"{name}.sql").read_text("utf-8")


def _of_pages(question: Question, limit: int, until: datetime) -> Statement:
    """Return the statement of the failures of some pages: the newest of each, and of these the newest."""
    which = [_FAILURE, *(["error_code = %(code)s"] if question.code is not None else [])]
    of_page = _list({"page_id": ("theirs", "text")}, which).replace("%(theirs)s", "theirs.page_id")
    lists = sql("of_pages").format(list=of_page)
    params = _params(question, limit) | _between(question, until) | {"most": limit}
    return sql("newest").format(columns=COLUMNS, lists=lists), params


def _between(question: Question, until: datetime) -> dict[str, Any]:
    return {"since": question.since or "-infinity", "until": _until(question, until)}


def _asked_for(question: Question, figure: RunFigure) -> bool:
    outcome = question.outcomes is None or figure.outcome in question.outcomes
    return outcome and (question.classes is None or figure.error_class in question.classes)


def _until(question: Question, until: datetime) -> datetime:
    """Return the moment before which the rows are, as narrow as it is known."""
    ends = [until, question.until or until, question.after.sent_at + _STEP if question.after else until]
    return min(ends)


def _list(key: _Key, which: Sequence[str], n: str = "") -> str:
    """`key`: the first column of the index, and the parameter that it equals; none, where the moment comes first."""
    equal = [f"{column} = ANY(ARRAY[%({name})s]::{kind}[])" for column, (name, kind) in key.items()]
    order = "".join(f"{column} DESC, " for column in (*key, *(["error_class"] if _NO_CLASS in which else [])))
    return sql("rows").format(columns=COLUMNS, which=" AND ".join([*equal, *which]) or "true", key=order, n=n)


def _params(question: Question, limit: int) -> dict[str, Any]:
    at, event_id = question.after or BEGINNING
    names = ("recipient", "run", "page", "message", "code")
    pages = None if question.pages is None else sorted(question.pages)
    place = {"at": at, "event_id": event_id, "limit": limit}
    return {name: getattr(question, name) for name in names} | place | {"pages": pages}
