"""Every alert fires by a real fault of real services, and clears when it is mended.

`-s` shows when which story began, was mended and over.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import trio

from tests.faults.alerts.prometheus import PROGRAM, SHIPPED
from tests.faults.alerts.stories import STORIES, Story, begin
from tests.faults.alerts.world import World, open_world
from tests.unit.deploy.files import read_yaml

ALERTS = [rule["alert"] for group in read_yaml(SHIPPED / "newar.rules.yml")["groups"] for rule in group["rules"]]


def test_every_alert_has_a_story() -> None:
    assert sorted(alert for row in STORIES for story in row for alert in story.alerts) == sorted(ALERTS)


@pytest.mark.timeout(400)  # a minute and a half where nobody else works; no question of speed
@pytest.mark.skipif(PROGRAM is None, reason="this needs Prometheus: apt-get install prometheus")
async def test_every_alert_fires_and_clears(asyncio_loop: Any, tmp_path: Path) -> None:
    async with open_world(tmp_path) as world:
        await begin(world)
        for row in STORIES:
            async with trio.open_nursery() as nursery:
                for story in row:
                    nursery.start_soon(play, story, world)


async def play(story: Story, world: World) -> None:
    """Let it happen, and wait for its end."""
    await world.quiet(story.alerts)
    began_at = world.at
    print(f"{began_at:6.1f} s: {story.tell.__name__}")  # shown when the test fails
    await story.tell(world)
    print(f"{world.at:6.1f} s: {story.tell.__name__} is mended")
    assert [alert for alert in story.alerts if world.fired.get(alert, 0) < began_at] == []
    await world.quiet(story.alerts)
    print(f"{world.at:6.1f} s: {story.tell.__name__} is over")
