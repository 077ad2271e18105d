"""How far the rows are behind, as an ingest says of itself."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from pydantic import SecretStr

from ingest.figures import Figures
from ingest.settings import IngestSettings
from ingest.writing.transaction import Written

SETTINGS = IngestSettings(
    redis_url=SecretStr("redis://localhost"),
    kafka_bootstrap_servers="localhost:9092",
    log_database_url=SecretStr("postgresql://localhost/x"),
)
NOTHING = Written(rows=0, corrected=0, repeated=0, too_old=0, conflicting=0, dead=[])


def test_it_is_behind_from_the_newest_row_on_until_all_are_rows() -> None:
    figures = Figures(SETTINGS)
    figures.behind(3)
    began = _lag(figures)
    assert (began[0], 0 <= began[1] < 5) == (3, True)
    figures.wrote(NOTHING, datetime.now(UTC) - timedelta(seconds=100))
    figures.behind(2)
    assert 100 <= _lag(figures)[1] < 110
    figures.behind(0)
    assert _lag(figures) == (0, 0.0)
    figures.behind(1)
    assert _lag(figures)[1] < 5, "what was caught up is not behind since then"


def _lag(figures: Figures) -> tuple[int, float]:
    now = figures.snapshot().ingest
    assert now is not None
    return now.lag_events, now.lag_s
