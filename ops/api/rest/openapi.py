"""The OpenAPI document, made from the endpoints and the types of their answers."""

from __future__ import annotations

import re
from typing import Any

import msgspec

from ops.api.door.problems import PROBLEM_TYPE
from ops.api.rest.endpoints import ENDPOINTS, Endpoint
from ops.api.rest.run_check import RunToCheck
from ops.board.answers import Health, Live, Problem
from schema.runtime.version import version
from sender.runs.dry_run.report import DryRun

RUNS = "/api/v1/runs"
_REF = "#/components/schemas/{name}"
OTHER_PAGES = {
    "/metrics": ("Figures for Prometheus", "text/plain"),
    "/openapi.json": ("This document", "application/json"),
    "/admin/queues": ("The dashboard", "text/html"),
}


def document() -> dict[str, Any]:
    """Return the document (OpenAPI 3.1) as plain data."""
    types = [Health, Live, Problem, RunToCheck, DryRun, *(endpoint.answer for endpoint in ENDPOINTS)]
    _refs, schemas = msgspec.json.schema_components(types, ref_template=_REF)
    paths = {openapi_path(e.path): {"get": _operation(e)} for e in ENDPOINTS}
    paths[RUNS]["post"] = _dry_run()
    return {
        "openapi": "3.1.0",
        "info": {"title": "Newar message sender", "version": version() or "0"},
        "security": [{"bearer": []}, {"basic": []}],
        "paths": {**_open_paths(), **paths, **_other_paths()},
        "components": {
            "schemas": schemas,
            "securitySchemes": {
                "bearer": {"type": "http", "scheme": "bearer"},
                "basic": {"type": "http", "scheme": "basic", "description": "any user name; the token is the password"},
            },
        },
    }


def openapi_path(path: str) -> str:
    """Write a route's placeholders as OpenAPI does."""
    return re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", path)


def _operation(endpoint: Endpoint) -> dict[str, Any]:
    names = re.findall(r"<(?:\w+:)?(\w+)>", endpoint.path)
    in_path = [{"name": n, "in": "path", "required": True, "schema": {"type": "string"}} for n in names]
    limit = {"type": "integer", "minimum": 1, "maximum": endpoint.most, "default": endpoint.usual or endpoint.most}
    in_query = [{"name": "limit", "in": "query", "schema": limit}] if endpoint.most else []
    in_query += [{"name": name, "in": "query", "schema": {"type": "string"}} for name in endpoint.filters]
    return {
        "summary": endpoint.summary,
        **({"description": endpoint.about} if endpoint.about else {}),
        "parameters": in_path + in_query,
        "responses": {"200": _json(endpoint.answer.__name__, endpoint.summary), "default": _problem()},
    }


def _dry_run() -> dict[str, Any]:
    summary = "What a run would do, without doing it"
    check = {"name": "check", "in": "query", "required": True, "schema": {"const": "1"}}
    return {
        "summary": summary,
        "parameters": [check],
        "requestBody": {"required": True, **_json("RunToCheck", "a run that is there, or one that is described")},
        "responses": {"200": _json("DryRun", summary), "default": _problem()},
    }


def _open_paths() -> dict[str, Any]:
    """Describe what needs no token."""
    health = {"200": _json("Health", "ok or degraded"), "503": _json("Health", "down")}
    live = {"200": _json("Live", "this process answers")}
    return {
        "/health": {"get": {"summary": "State of every part", "security": [], "responses": health}},
        "/health/live": {"get": {"summary": "Liveness probe", "security": [], "responses": live}},
    }


def _other_paths() -> dict[str, Any]:
    return {
        path: {
            "get": {
                "summary": summary,
                "responses": {"200": {"description": summary, "content": {media: {}}}, "default": _problem()},
            }
        }
        for path, (summary, media) in OTHER_PAGES.items()
    }


def _json(schema: str, description: str) -> dict[str, Any]:
    content = {"application/json": {"schema": {"$ref": _REF.format(name=schema)}}}
    return {"description": description, "content": content}


def _problem() -> dict[str, Any]:
    content = {PROBLEM_TYPE: {"schema": {"$ref": _REF.format(name="Problem")}}}
    return {"description": "a problem", "content": content}
