"""The description of the API is true."""

from __future__ import annotations

import json
import re
from typing import Any

from redis.asyncio import Redis

from ops.api.door.access import Access
from ops.api.door.event_feeds import EventFeeds
from ops.api.parts import Parts
from ops.api.rest.openapi import document, openapi_path
from ops.api.web import make_app
from ops.board.board import Board
from tests.unit.api.contents import api_settings

SETTINGS = api_settings()
REDIS = Redis()
PARTS = Parts(settings=SETTINGS, redis=REDIS, board=Board(SETTINGS, REDIS), access=Access(SETTINGS), feeds=EventFeeds())


def test_the_document_lists_exactly_the_routes() -> None:
    app = make_app(PARTS)
    rules = {openapi_path(rule.rule) for rule in app.url_map.iter_rules() if rule.endpoint not in ("static", "home")}
    assert set(document()["paths"]) == rules


def test_every_route_answers_get_alone_but_for_the_dry_run() -> None:
    app = make_app(PARTS)
    rules = [rule for rule in app.url_map.iter_rules() if rule.endpoint != "static"]
    others = [(rule.rule, rule.methods) for rule in rules if rule.methods != {"GET", "HEAD"}]
    assert others == [("/api/v1/runs", {"POST"})]
    assert set(document()["paths"]["/api/v1/runs"]) == {"get", "post"}


def test_every_reference_leads_somewhere() -> None:
    described: dict[str, Any] = document()
    names = set(re.findall(r'"#/components/schemas/(\w+)"', json.dumps(described)))
    assert names <= set(described["components"]["schemas"])
    assert "Overview" in names
