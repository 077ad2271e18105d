"""The OpenAPI document, made from the endpoints and the types of their answers."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

import msgspec

from ops.acts.run_submission import Submission
from ops.api.door.bodies import JSON
from ops.api.door.once import HEADER
from ops.api.door.problems import PROBLEM_TYPE
from ops.api.door.uploads import FORM
from ops.api.rest.endpoints import ENDPOINTS, Endpoint
from ops.api.rest.steering.act_route import ActRoute
from ops.api.rest.steering.act_routes import ACT_ROUTES
from ops.api.rest.steering.submission_route import FILE, RUNS, RunToCheck, RunToSubmit
from ops.board.answers import Health, Live, Problem
from schema.runtime.version import version
from sender.runs.dry_run.report import DryRun

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
    "schema": {"type": "string", "pattern": '^"?[!#-~]{1,255}"?$'},
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
    types = [
        Health,
        Live,
        Problem,
        RunToCheck,
        RunToSubmit,
        Submission,
        DryRun,
        *(endpoint.answer for endpoint in ENDPOINTS),
    ]
    types += [kind for route in ACT_ROUTES for kind in (route.body, route.answer)]
    _refs, schemas = msgspec.json.schema_components(types, ref_template=_REF)
    paths = {openapi_path(e.path): {"get": _operation(e)} for e in ENDPOINTS}
    paths[RUNS]["post"] = _submission()
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
    needed = needed or bool(route.one_of)
    body = {"required": needed, **_json(route.body.__name__, "may be left out" if not needed else "what to do")}
    if route.one_of:
        schema = body["content"][JSON]["schema"]
        body["content"][JSON]["schema"] = {"allOf": [schema, {"oneOf": [_with(names) for names in route.one_of]}]}
    refused = {status: _problem(why) for status, why in _REFUSED.items()}
    return {
        "summary": route.summary,
        **({"description": route.about} if route.about else {}),
        "parameters": [*_in_path(route.path), _KEY],
        "requestBody": body,
        "responses": {"200": _json(route.answer.__name__, "done"), **refused},
    }


def _with(names: Iterable[str]) -> dict[str, Any]:
    """Describe an object that has these fields, with values."""
    return {"required": sorted(names), "properties": {name: {"not": {"type": "null"}} for name in sorted(names)}}


def _in_path(path: str) -> list[dict[str, Any]]:
    names = re.findall(r"<(?:\w+:)?(\w+)>", path)
    return [{"name": n, "in": "path", "required": True, "schema": {"type": "string", "minLength": 1}} for n in names]


def _submission() -> dict[str, Any]:
    check = {"name": "check", "in": "query", "description": "1: a dry run", "schema": {"const": "1"}}
    people = {"type": "array", "items": {"type": "object", "required": ["recipient_id"]}}
    run = {"$ref": _REF.format(name="RunToSubmit")}
    to_submit = {"type": "object", "required": ["run", FILE], "properties": {"run": run, FILE: people}}
    to_check = {"allOf": [{"$ref": _REF.format(name="RunToCheck")}]}
    form = {**to_submit, "properties": {"run": run, FILE: {"type": "string", "format": "binary"}}}
    answers = [{"$ref": _REF.format(name=name)} for name in ("Submission", "DryRun")]
    return {
        "summary": "Submit a run with its recipients, or (check=1) say what it would do",
        "description": "Recipients are a list of objects (recipient_id; variables, last_interaction_at, time_zone), or "
        "in a form a file as newar run submit takes it: CSV or .xlsx with a heading, NDJSON, a JSON list. All of them "
        "are stored, or none; lines that cannot be used are named. With check=1 nothing is stored; a viewer may ask.",
        "parameters": [check, _KEY],
        "requestBody": {
            "required": True,
            "content": {
                JSON: {"schema": {"anyOf": [to_submit, to_check]}},
                FORM: {"schema": form, "encoding": {"run": {"contentType": "application/json"}}},
            },
        },
        "responses": {
            "200": {
                "description": "stored, or gone through",
                "content": {"application/json": {"schema": {"anyOf": answers}}},
            },
            **{status: _problem(why) for status, why in _REFUSED.items()},
        },
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
