"""What happens before anybody looks: runs by the API, and a Graph API that lets some of them down."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx

TESTED, PAUSED, LOCKED, BLOCKED = "101", "102", "103", "104"
"""Pages: one whose run ends in every way, one that is paused, one whose token is refused, one whose text is."""
GONE = ["71000000", "71000001", "71000002"]
LOST = ["71000003", "71000004"]
"""People whose answer leaves open whether they have the message. They have it."""
DENIED = ["71000005", "71000006", "71000007", "71000008"]
SILENT = ["71000010", "71000011", "71000012", "71000013", "71000014"]
"""People who wrote too long ago."""
LATER = "71000009"
"""Somebody whom the Graph API puts off, again and again."""
EXPIRE_S = 2.5


def arrange(client: httpx.Client, graph_url: str) -> None:
    """Let the stand-in answer so, and let a page be known, which it is from its first run on."""
    outages = [
        {"from_s": 0, "for_s": 3600, "kind": kind, "page": page} for page, kind in ((LOCKED, "190"), (BLOCKED, "368"))
    ]
    told = {"people": {"551": GONE, "ambiguous_1_1357046_sent_anyway": LOST, "613": [LATER]}, "outages": outages}
    httpx.post(f"{graph_url}/__control", json=told).raise_for_status()
    _post(client, "/api/v1/suppressions", page_id=TESTED, people=DENIED, note="asked for it")
    _submit(client, "first", PAUSED, people(20, 40))


def go_on(client: httpx.Client) -> None:
    """Pause that page, then submit the others: some end, some wait, each in a way of its own."""
    _post(client, f"/api/v1/pages/{PAUSED}/pause")
    _submit(client, "mixed", TESTED, [*people(0, 9), *people(10, 57)], silent=SILENT)
    _submit(client, "put-off", TESTED, [*people(60, 64), LATER])
    _submit(client, "waits", PAUSED, people(100, 130))
    _submit(client, "dropped", PAUSED, people(200, 206))
    _submit(client, "late", PAUSED, people(300, 307), expires_at=_in(EXPIRE_S))
    _submit(client, "locked", LOCKED, people(400, 431))
    _submit(client, "blocked", BLOCKED, people(500, 570))
    _submit(client, "later-on", TESTED, people(600, 608), scheduled_at=_in(3600))


def cancel(client: httpx.Client, run_id: str) -> None:
    """Cancel a run."""
    _post(client, f"/api/v1/runs/{run_id}/cancel")


def pause(client: httpx.Client, run_id: str) -> None:
    """Pause a run."""
    _post(client, f"/api/v1/runs/{run_id}/pause")


def resume(client: httpx.Client, run_id: str) -> None:
    """Let a run go on."""
    _post(client, f"/api/v1/runs/{run_id}/resume")


def people(first: int, behind: int) -> list[str]:
    """Return the ids of so many."""
    return [str(71_000_000 + n) for n in range(first, behind)]


def _submit(
    client: httpx.Client, run_id: str, page_id: str, whom: Sequence[str], *, silent: Sequence[str] = (), **more: Any
) -> None:
    wrote = {person: _in(-7 * 86_400 if person in silent else -60) for person in whom}
    run = {"run_id": run_id, "page_id": page_id, "page_access_token": f"token{page_id}", "message": {"text": "Hi"}}
    recipients = [{"recipient_id": person, "last_interaction_at": at} for person, at in wrote.items()]
    _post(client, "/api/v1/runs", run={**run, "messaging_type": "RESPONSE", **more}, recipients=recipients)


def _post(client: httpx.Client, path: str, **body: Any) -> None:
    response = client.post(path, json=body)
    assert response.is_success, response.text


def _in(seconds: float) -> str:
    return (datetime.now(UTC) + timedelta(seconds=seconds)).isoformat()
