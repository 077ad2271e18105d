"""The description of the API is true."""

from __future__ import annotations

import json
import re
from typing import Any

from redis.asyncio import Redis

from ops.api.door.access import Access
from ops.api.door.event_feeds import EventFeeds
from ops.api.parts import Parts
from ops.api.rest.openapi import OTHER_PAGES, document, openapi_path
from ops.api.rest.steering.act_routes import ACT_ROUTES
from ops.api.web import make_app
from ops.board.board import Board
from tests.unit.api.contents import api_settings

SETTINGS = api_settings()
REDIS = Redis()
PARTS = Parts(
    settings=SETTINGS,
    redis=REDIS,
    board=Board(SETTINGS, REDIS),
    access=Access(SETTINGS, REDIS),
    feeds=EventFeeds(),
)


def test_the_document_lists_exactly_the_routes() -> None:
    app = make_app(PARTS)
    rules = {openapi_path(rule.rule) for rule in app.url_map.iter_rules() if rule.endpoint not in ("static", "home")}
    assert set(document()["paths"]) == {rule for rule in rules if rule in OTHER_PAGES or not rule.startswith("/admin")}


def test_no_route_changes_anything_by_get() -> None:
    app = make_app(PARTS)
    rules = [rule for rule in app.url_map.iter_rules() if not rule.rule.startswith("/admin")]
    acts = {rule.rule for rule in rules if rule.methods == {"POST"}}
    assert acts == {route.path for route in ACT_ROUTES} | {"/api/v1/runs"}
    assert [rule.rule for rule in rules if rule.rule not in acts and rule.methods != {"GET", "HEAD"}] == []


def test_the_document_has_the_method_of_every_route() -> None:
    app = make_app(PARTS)
    rules = [rule for rule in app.url_map.iter_rules() if rule.endpoint not in ("static", "home")]
    served = {
        (openapi_path(rule.rule), method.lower())
        for rule in rules
        for method in (rule.methods or ())
        if method != "HEAD" and (rule.rule in OTHER_PAGES or not rule.rule.startswith("/admin"))
    }
    assert served == {(path, method) for path, methods in document()["paths"].items() for method in methods}


def test_every_reference_leads_somewhere() -> None:
    described: dict[str, Any] = document()
    names = set(re.findall(r'"#/components/schemas/(\w+)"', json.dumps(described)))
    assert names <= set(described["components"]["schemas"])
    assert "Overview" in names
