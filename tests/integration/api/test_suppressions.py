"""People whom runs leave out, as the log database has them."""

from __future__ import annotations

from collections.abc import Callable

import psycopg
import pytest

from tests.integration.api.serving import SECRET, Api

PATH = "/api/v1/suppressions"


@pytest.fixture
def people(log_database_url: str) -> str:
    with psycopg.connect(log_database_url) as connection:
        connection.execute(
            "INSERT INTO runs (run_id, page_id, source, state, brake_rule) VALUES"
            " ('braked', '7', 'source', 'active', 'recipients-gone'), ('r', '7', 'source', 'active', NULL)"
        )
        connection.execute(
            "INSERT INTO suppressions (page_id, recipient_id, reason, since, run_id, by_whom, note, lifted_at) VALUES"
            " ('7', '1', 'recipient_gone', '2026-01-02Z', 'r', 'ingest', NULL, '2026-01-01Z'),"
            " ('7', '1', 'denied', '2026-01-02Z', NULL, 'ann@desk', 'asked us to', NULL),"
            " ('7', '2', 'recipient_gone', '2026-01-02Z', 'braked', 'ingest', NULL, NULL),"
            " ('7', '3', 'recipient_gone', '2026-01-02Z', 'r', 'ingest', NULL, '2026-01-02Z'),"
            " ('8', '1', 'denied', '2026-01-02Z', NULL, 'ann@desk', NULL, NULL)"
        )
    return log_database_url


async def test_those_that_stand_are_listed_page_by_page(api: Callable[..., Api], people: str) -> None:
    everybody = [("7", "1", "denied"), ("7", "1", "recipient_gone"), ("7", "2", "recipient_gone"), ("8", "1", "denied")]
    async with api(log_database_url=people) as client:
        answer = (await client.get(PATH)).json()
        assert [(s["page_id"], s["recipient_id"], s["reason"]) for s in answer["suppressions"]] == everybody
        assert answer["next"] is None
        assert answer["suppressions"][0] == {
            **{"page_id": "7", "recipient_id": "1", "reason": "denied", "since": "2026-01-02T00:00:00Z"},
            **{"run_id": None, "by_whom": "ann@desk", "note": "asked us to", "confirmed": True},
        }
        assert [s["confirmed"] for s in answer["suppressions"]] == [True, True, False, True]
        found, after = [], None
        for _ in range(3):
            params = {"limit": "2"} | ({"after": after} if after else {})
            answer = (await client.get(PATH, params=params)).json()
            found += [(s["page_id"], s["recipient_id"], s["reason"]) for s in answer["suppressions"]]
            after = answer["next"]
        assert (found, after) == (everybody, None)


async def test_filters_narrow_the_list(api: Callable[..., Api], people: str) -> None:
    async with api(log_database_url=people) as client:
        for params, count in (
            ({"page": "7"}, 3),
            ({"person": "1"}, 3),
            ({"reason": "denied"}, 2),
            ({"page": "8", "reason": "recipient_gone"}, 0),
        ):
            assert len((await client.get(PATH, params=params)).json()["suppressions"]) == count, params


async def test_a_filter_that_cannot_be_used_is_refused_with_what_to_write(api: Callable[..., Api], people: str) -> None:
    async with api(log_database_url=people) as client:
        answer = await client.get(PATH, params={"reason": "gone", "after": "x", "page": "\0"})
        assert answer.status_code == 400
        assert answer.json()["detail"] == (
            "page holds a NUL character; reason must be one of recipient_gone, denied; "
            "after must be the `next` of a former answer"
        )


async def test_without_the_log_database_it_says_so(api: Callable[..., Api], closed_port: int) -> None:
    async with api() as client:
        assert (await client.get(PATH)).status_code == 404
    async with api(log_database_url=f"postgresql://newar:{SECRET}@127.0.0.1:{closed_port}/newar") as client:
        response = await client.get(PATH)
        assert response.status_code == 503
        assert SECRET not in response.text
