"""What holds for all tests: an end to each, an order, nothing left open, the durable broker and its mark."""

from __future__ import annotations

import gc
import os
from collections.abc import Iterator

import hypothesis
import pytest

from tests import standstill
from tests.kafka.broker import KafkaBroker
from tests.kafka.jars import KafkaUnavailable, fetch_jars, find_java

hypothesis.settings.register_profile(
    "busy", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)  # how long an example takes says how busy the machine is, and nothing of the code
hypothesis.settings.load_profile("busy")


_LONGEST_FIRST = ("browser", "faults", "integration", "unit")
"""Folders of tests/, by what a file of theirs takes."""


def pytest_configure(config: pytest.Config) -> None:
    config.pluginmanager.register(standstill)
    config.addinivalue_line("markers", "both_brokers: runs on the embedded broker and on Apache Kafka")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the files that take longest: of several workers none is left with one of them at the end."""
    places = {folder: place for place, folder in enumerate(_LONGEST_FIRST)}
    items.sort(key=lambda item: next((places[part] for part in item.path.parts if part in places), len(places)))


def pytest_collection_finish() -> None:
    """What was imported stays: whoever looks for garbage need not look through it."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="module", autouse=True)
def leaves_nothing_open() -> Iterator[None]:
    """Let the file fail that leaves something open, and not one that comes later, when it is found as garbage."""
    yield
    gc.collect()


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if metafunc.definition.get_closest_marker("both_brokers") and "kafka_bootstrap" in metafunc.fixturenames:
        metafunc.parametrize("kafka_bootstrap", ["tansu", "kafka"], indirect=True)


@pytest.fixture(scope="session")
def kafka_broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KafkaBroker]:
    """Apache Kafka, running; who kills it starts it again. Use a topic of your own."""
    try:
        java, jars = find_java(), fetch_jars()
    except KafkaUnavailable as exc:
        if os.environ.get("CI") == "true" and not exc.expected:
            raise
        pytest.skip(f"no Kafka: {exc}")
    broker = KafkaBroker(java, jars, tmp_path_factory.mktemp("kafka"))
    try:
        broker.start()
        yield broker
    finally:
        broker.kill()
