"""Structured log lines on stderr: a stable event name plus ids, and never a secret."""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import MutableMapping
from typing import Any

import structlog

_SECRET_KEY = re.compile(r"token|secret|password|authorization|api_key|encryption_key", re.IGNORECASE)
_SECRET_TEXT = re.compile(
    r"(?P<url>://[^:/@\s]*:)[^@\s/]+(?=@)"  # a password in a URL
    r"|(?P<named>(?:access_token|appsecret_proof)[\"']?\s*[=:]\s*[\"']?)[^&\s\"']+"
    r"|(?P<bearer>Bearer )\S+"
    r"|\bEAA[A-Za-z0-9]{12,}"  # how Meta's access tokens begin
)
_ROWS = re.compile(
    r"^(?P<word>[ |+]*(?:DETAIL|CONTEXT|QUERY):).*?(?=\Z|^[ |+]*(?:The above|During handling|Traceback))", re.M | re.S
)
"""In the text of an error of psycopg's, which ends with them, also within a traceback: whole rows, and values."""


def without_secrets(text: str) -> str:
    """Return the text with everything that looks like a credential, or is PostgreSQL's of a row, replaced by `***`."""
    text = _ROWS.sub(r"\g<word> ***", text)
    return _SECRET_TEXT.sub(lambda m: (m["url"] or m["named"] or m["bearer"] or "") + "***", text)


def _redact(_logger: Any, _name: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    for name, value in event.items():
        if _SECRET_KEY.search(name):
            event[name] = "***"
        elif isinstance(value, str):
            event[name] = without_secrets(value)
        elif isinstance(value, BaseException):
            event[name] = without_secrets(f"{type(value).__name__}: {value}")
    return event


def configure_logging(service: str, *, level: str = "INFO") -> None:
    """Send this process's log lines to stderr: JSON, or coloured text on a terminal."""
    terminal = sys.stderr.isatty()
    renderer: Any = structlog.dev.ConsoleRenderer() if terminal else structlog.processors.JSONRenderer(default=str)
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            _redact,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(getattr(logging, level)),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
    structlog.contextvars.bind_contextvars(service=service)
    logging.basicConfig(level=logging.WARNING, handlers=[_ToStructlog()], force=True)


class _ToStructlog(logging.Handler):
    """Passes what libraries log through the same redaction."""

    def emit(self, record: logging.LogRecord) -> None:
        structlog.get_logger().log(record.levelno, "library", logger=record.name, text=record.getMessage())
