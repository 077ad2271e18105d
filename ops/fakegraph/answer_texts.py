"""The answers by name, from graph-responses.json, as ready text; which one is given is decided in mix."""

import json
from dataclasses import dataclass, replace
from enum import Enum
from http import HTTPStatus
from importlib.resources import files
from typing import Any

SAMPLE_PAGE = "100000000000001"  # the page of the usage headers in graph-responses.json
MEMBER_CONTENT_TYPE = {"name": "Content-Type", "value": "text/javascript; charset=UTF-8"}


class Ending(Enum):
    """What happens to the connection with the answer."""

    KEEP = "keep"
    CLOSE = "close"
    RESET = "reset"
    SILENCE = "silence"


class Scope(Enum):
    """What one draw of the answer stands for."""

    MESSAGE = "message"  # one message, sent alone or as a batch member
    WHOLE = "whole"  # one HTTP answer, whatever it carries
    MEMBER = "member"  # a batch member only
    BATCH = "batch"  # the answer to a whole batch only
    NEVER = "never"  # not to be drawn


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer.

    Attributes:
        name: Its name in graph-responses.json.
        success: Whether recipient and message id are filled into it.
        acceptance: Probability that the message went out although (or because) this is answered.
        head: Status line and headers up to and including `content-length: `.
        body: The body; of a success, only a sample.
        length: What `content-length` says.
        ending: What happens to the connection.
        scope: What one draw stands for.
        member: The answer as a batch member, JSON text, with its headers.
        bare_member: The same without headers (`include_headers=false`).
        slow: Whether the server takes its time for it.
    """

    name: str
    success: bool = False
    acceptance: float = 0.0
    head: str = ""
    body: str = ""
    length: int = 0
    ending: Ending = Ending.KEEP
    scope: Scope = Scope.MESSAGE
    member: str = ""
    bare_member: str = ""
    slow: bool = False

    def full_text(self) -> str:
        """The whole HTTP answer, for one that has nothing to fill in."""
        return f"{self.head}{self.length}\r\n\r\n{self.body}"


Catalogue = dict[str, Answer]

# Section 5 of the platform facts: whether the message had gone out when this was answered.
ALWAYS_ACCEPTED = {
    "ambiguous_1_1357046_sent_anyway",
    "html_with_status_200",
    "truncated_json_200",
    "fault_read_timeout_after_full_request",
    "fault_reset_after_full_request",
}
PERHAPS_ACCEPTED = {"html_502": 0.5, "html_503": 0.5}
FAULT_ENDINGS = {
    "fault_read_timeout_after_full_request": Ending.SILENCE,
    "fault_reset_after_full_request": Ending.RESET,
    "fault_close_idle_keepalive": Ending.CLOSE,
}
PERMISSION_MISSING = "Application does not have permission for this action"
"""Code 10 without a subcode, which may mean the page or one person (facts, section 5: several people tell)."""
UNDESCRIBED = "What this code means is written nowhere"
"""Meta adds codes; one that stands in no table."""
REFUSE = "fault_refuse_connection"  # a state of the listener, not an answer: see control


def load_catalogue() -> Catalogue:
    """Every answer by name: those of graph-responses.json and some that are made of them."""
    records = json.loads(files("ops.fakegraph").joinpath("graph-responses.json").read_text("utf-8"))
    answers = {record["name"]: _answer(record) for record in records}
    of_name = {record["name"]: record for record in records}
    made = (
        Answer("null_member", acceptance=0.5, scope=Scope.MEMBER, member="null", bare_member="null"),
        replace(answers["send_ok"], name="slow_answer", scope=Scope.WHOLE, slow=True),
        replace(answers["html_with_status_200"], name="empty_200", acceptance=0.5, body="", length=0),
        _token_missing(of_name["api_version_unknown_2500"]),
        _with_code(of_name["permission_missing_230"], "permission_missing_10", 10, PERMISSION_MISSING),
        _with_code(of_name["transient_1_unknown"], "undescribed_424242", 424242, UNDESCRIBED),
    )
    return answers | {answer.name: answer for answer in made}


def _answer(record: dict[str, Any]) -> Answer:
    name, body, headers = record["name"], record["body"], record["headers"]
    text = body if isinstance(body, str) else json.dumps(body, separators=(",", ":"), ensure_ascii=False)
    success = record["class"] == "success"
    declared = int(headers.get("content-length", len(text.encode())))
    cut = declared != len(text.encode())
    member_headers = _member_headers(headers.get("www-authenticate"))
    return Answer(
        name=name,
        success=success,
        acceptance=1.0 if success or name in ALWAYS_ACCEPTED else PERHAPS_ACCEPTED.get(name, 0.0),
        head=_head(record["status"], headers) if record["status"] else "",
        body=text,
        length=declared,
        ending=FAULT_ENDINGS.get(name, Ending.CLOSE if cut or "connection" in headers else Ending.KEEP),
        scope=_scope(name, body, record),
        member=_compact({"code": record["status"], "headers": member_headers, "body": text}),
        bare_member=_compact({"code": record["status"], "body": text}),
    )


def _scope(name: str, body: object, record: dict[str, Any]) -> Scope:
    if name == REFUSE or record["class"] == "batch_mixed":
        return Scope.NEVER
    if name.startswith("batch_"):
        return Scope.BATCH
    return Scope.WHOLE if isinstance(body, str) or record["status"] == 0 else Scope.MESSAGE


def _token_missing(record: dict[str, Any]) -> Answer:
    """What a living version answers without a token: code 2500 too, with another text (facts, section 1.1)."""
    text = "An active access token must be used to query information about the current user."
    authenticate = f'OAuth "Facebook Platform" "invalid_request" "{text}"'
    return _answer(
        record
        | {"name": "token_missing_2500", "headers": record["headers"] | {"www-authenticate": authenticate}}
        | {"body": {"error": record["body"]["error"] | {"message": text}}}
    )


def _with_code(record: dict[str, Any], name: str, code: int, text: str) -> Answer:
    """The same error under another code, with a text of its own."""
    text = f"(#{code}) {text}"
    authenticate = f'OAuth "Facebook Platform" "invalid_request" "{text}"'
    error = record["body"]["error"] | {"message": text, "code": code}
    headers = record["headers"] | {"www-authenticate": authenticate}
    return _answer(record | {"name": name, "headers": headers, "body": {"error": error}})


def _head(status: int, headers: dict[str, str]) -> str:
    lines = [f"HTTP/1.1 {status} {HTTPStatus(status).phrase}"]
    lines += [f"{name}: {value}" for name, value in headers.items() if name != "content-length"]
    return "\r\n".join([*lines, "content-length: "])


def _member_headers(authenticate: str | None) -> list[dict[str, str]]:
    challenge = [{"name": "WWW-Authenticate", "value": authenticate}] if authenticate else []
    return [*challenge, MEMBER_CONTENT_TYPE]


def _compact(value: object) -> str:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)
