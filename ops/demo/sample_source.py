"""A source database as an operator might have it: the sample tables and views, filled with broadcasts."""

from __future__ import annotations

from importlib.resources import files
from typing import Any

import psycopg


def make_source(server_url: str, *, messages: int, pages: int) -> str:
    """Make and fill a database `source` on this server; return its URL. Blocks: call it in a thread."""
    with psycopg.connect(server_url, autocommit=True) as admin:
        admin.execute("CREATE DATABASE source")
    url = f"{server_url.rpartition('/')[0]}/source"
    with psycopg.connect(url, autocommit=True) as source:
        for name in ("tables", "views", "index"):
            source.execute(_text("schema.source", f"{name}.sql"))
        with psycopg.ClientCursor(source) as cursor:
            cursor.execute(_text("ops.demo", "fill.sql"), {"messages": messages, "pages": pages})
        source.execute("ANALYZE")
    return url


def _text(package: str, name: str) -> Any:
    return (files(package) / name).read_text("utf-8")
