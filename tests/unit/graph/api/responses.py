"""The answers of graph-responses.json as the transport hands them on; nothing is judged here."""

from __future__ import annotations

import json
from importlib.resources import files
from typing import Any

from sender.graph.api.usage import HeaderOf

RECORDS: dict[str, dict[str, Any]] = {
    record["name"]: record
    for record in json.loads(files("ops.fakegraph").joinpath("graph-responses.json").read_text("utf-8"))
}


def body_of(record: dict[str, Any]) -> bytes:
    body = record["body"]
    return body.encode() if isinstance(body, str) else json.dumps(body).encode()


def headers_of(record: dict[str, Any]) -> HeaderOf:
    return headers({name.lower(): value for name, value in record["headers"].items()})


def headers(values: dict[str, str]) -> HeaderOf:
    return {name.encode(): value.encode() for name, value in values.items()}.get


def error(code: int, subcode: int | None = None, message: str = "text") -> bytes:
    content: dict[str, Any] = {"code": code, "message": message, "type": "OAuthException", "fbtrace_id": "AFake"}
    if subcode is not None:
        content["error_subcode"] = subcode
    return json.dumps({"error": content}).encode()
