"""The OpenAPI document, made from the endpoints and the types of their answers."""

from __future__ import annotations

import re
from typing import Any

import msgspec

from ops.api.door.once import HEADER
from ops.api.door.problems import PROBLEM_TYPE
from ops.api.rest.endpoints import ENDPOINTS, Endpoint
from ops.api.rest.run_check import RunToCheck
from ops.api.rest.steering.act_route import ActRoute
from ops.api.rest.steering.act_routes import ACT_ROUTES
from ops.board.answers import Health, Live, Problem
from schema.runtime.version import version
from sender.runs.dry_run.report import DryRun

RUNS = "/api/v1/runs"
_REF = "#/components/schemas/{name}"
OTHER_PAGES = {
    "/metrics": ("Figures for Prometheus", "text/plain"),
    "/openapi.json": ("This document", "application/json"),
    "/admin": ("The cockpit", "text/html"),
}
_KEY = {
    "name": HEADER,
    "in": "header",
    "description": "a text of the client's own, new for each request: one that is sent again with the same key is not "
    "done again, and gets the same answer, for a day",
    "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!#-~]+$"},
}
_REFUSED = {
    "400": "the request cannot be used; says what to write",
    "401": "nobody may come in so",
    "403": "the caller may not do this",
    "404": "there is no such run, page or person",
    "409": "not as things stand, or the same request is being answered",
    "413": "the body is too long",
    "415": "the body is not sent as JSON",
    "422": "the key stands for another request",
    "503": "a server that it takes is away",
}


def document() -> dict[str, Any]:
    """Return the document (OpenAPI 3.1) as plain data."""
    types = [Health, Live, Problem, RunToCheck, DryRun, *(endpoint.answer for endpoint in ENDPOINTS)]
    types += [kind for route in ACT_ROUTES for kind in (route.body, route.answer)]
    _refs, schemas = msgspec.json.schema_components(types, ref_template=_REF)
    paths = {openapi_path(e.path): {"get": _operation(e)} for e in ENDPOINTS}
    paths[RUNS]["post"] = _dry_run()
    for route in ACT_ROUTES:
        paths.setdefault(openapi_path(route.path), {})["post"] = _act(route)
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
    limit = {"type": "integer", "minimum": 1, "maximum": endpoint.most, "default": endpoint.usual or endpoint.most}
    in_query = [{"name": "limit", "in": "query", "schema": limit}] if endpoint.most else []
    in_query += [{"name": name, "in": "query", "schema": {"type": "string"}} for name in endpoint.filters]
    return {
        "summary": endpoint.summary,
        **({"description": endpoint.about} if endpoint.about else {}),
        "parameters": _in_path(endpoint.path) + in_query,
        "responses": {"200": _json(endpoint.answer.__name__, endpoint.summary), "default": _problem()},
    }


def _act(route: ActRoute) -> dict[str, Any]:
    fields = msgspec.structs.fields(route.body)
    needed = any(field.required for field in fields)
    body = {"required": needed, **_json(route.body.__name__, "may be left out" if not needed else "what to do")}
    refused = {status: _problem(why) for status, why in _REFUSED.items()}
    return {
        "summary": route.summary,
        **({"description": route.about} if route.about else {}),
        "parameters": [*_in_path(route.path), _KEY],
        "requestBody": body,
        "responses": {"200": _json(route.answer.__name__, "done"), **refused},
    }


def _in_path(path: str) -> list[dict[str, Any]]:
    names = re.findall(r"<(?:\w+:)?(\w+)>", path)
    return [{"name": n, "in": "path", "required": True, "schema": {"type": "string", "minLength": 1}} for n in names]


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


def _problem(why: str = "a problem") -> dict[str, Any]:
    content = {PROBLEM_TYPE: {"schema": {"$ref": _REF.format(name="Problem")}}}
    return {"description": why, "content": content}
