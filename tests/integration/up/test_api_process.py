"""The API of `newar up` in a process of its own: told its settings, started again, gone with the others."""

from __future__ import annotations

import json
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest
import trio
from structlog.testing import capture_logs

from ops.api.settings import ApiSettings
from ops.up import api_process
from ops.up.api_process import ApiDidNotStart, as_line
from schema.runtime.settings import SettingsError, load
from schema.runtime.stop import Stop
from tests.integration.up.processes import newar, not_gone, wait_for_line
from tests.patience import patience_s
from tests.unit.api.contents import api_settings

SECRET = "correct-horse"
LOG_URL = "postgresql://newar:open-sesame@127.0.0.1:1/newar"


@asynccontextmanager
async def kept_api(settings: ApiSettings) -> AsyncIterator[tuple[str, psutil.Process, Stop]]:
    """Yield its address, its process, and what stops it softly, which must be enough."""
    stop = Stop(drain_s=3600)
    async with trio.open_nursery() as nursery:
        url = await nursery.start(api_process.keep, settings, stop)
        (child,) = apis_of(psutil.Process())
        yield url, child, stop
        stop.request()
    assert not child.is_running()


def apis_of(parent: psutil.Process) -> list[psutil.Process]:
    return [child for child in parent.children() if "ops.up.api_child" in child.cmdline()]


def status(url: str, token: str) -> int:
    headers = {"Authorization": f"Bearer {token}"}
    return httpx.get(f"{url}/stats/queue", headers=headers, trust_env=False, timeout=patience_s()).status_code


async def test_it_is_told_all_settings_and_none_where_others_can_read_them(redis_url: str) -> None:
    settings = api_settings(redis_url=redis_url, api_port=0, admin_token=SECRET, viewer_token="v")
    async with kept_api(settings) as (url, child, _):
        assert await trio.to_thread.run_sync(status, url, SECRET) == 200
        assert await trio.to_thread.run_sync(status, url, "wrong") == 401
        assert SECRET not in " ".join([*child.cmdline(), *child.environ().values()])
        assert child.nice() > psutil.Process().nice()


def test_the_line_of_settings_says_what_the_settings_say(redis_url: str) -> None:
    settings = api_settings(redis_url=redis_url, admin_token=SECRET, log_database_url=LOG_URL)
    values: dict[str, Any] = json.loads(as_line(settings))
    assert load(ApiSettings, env_file=None, **values) == settings


async def test_one_that_dies_is_started_again_at_the_same_address(
    redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(api_process, "FIRST_PAUSE_S", 0.05)
    with capture_logs() as logged:
        async with kept_api(api_settings(redis_url=redis_url, api_port=0, viewer_token=SECRET)) as (url, child, _):
            child.kill()
            with trio.fail_after(patience_s()):
                while not await trio.to_thread.run_sync(answers, url):
                    await trio.sleep(0.05)
    assert [(line["event"], line["how"]) for line in logged] == [("api_ended", "ended by SIGKILL")]


def answers(url: str) -> bool:
    try:
        return status(url, SECRET) == 200
    except httpx.TransportError:
        return False


async def test_a_stop_does_not_wait_for_the_next_start(redis_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(api_process, "FIRST_PAUSE_S", 3600)
    with trio.fail_after(patience_s()):
        async with kept_api(api_settings(redis_url=redis_url, api_port=0)) as (_, child, _stop):
            child.kill()


@contextmanager
def taken_port() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as holder:
        yield holder.getsockname()[1]


async def test_an_address_that_is_taken_is_an_error_of_the_settings(redis_url: str) -> None:
    with taken_port() as port:
        wrong = pytest.RaisesExc(SettingsError, match=f"API_PORT={port}: cannot listen there")
        with pytest.RaisesGroup(wrong, flatten_subgroups=True):
            async with kept_api(api_settings(redis_url=redis_url, api_port=port)):
                pass


async def test_one_that_cannot_start_says_so(redis_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(api_process, "as_line", lambda _settings: b"no json\n")
    with pytest.RaisesGroup(ApiDidNotStart, flatten_subgroups=True):
        async with kept_api(api_settings(redis_url=redis_url, api_port=0)):
            pass


def test_up_whose_port_is_taken_ends_and_says_what_to_write(tmp_path: Path) -> None:
    with taken_port() as port, newar("up", cwd=tmp_path, API_PORT=str(port)) as process:
        _, errors = process.communicate(timeout=patience_s())
    assert process.returncode == 2, errors
    assert errors.count("choose another port") == 1


def test_an_up_that_is_killed_leaves_no_api(tmp_path: Path) -> None:
    with newar("up", cwd=tmp_path) as process:
        wait_for_line(process, "newar_is_up")
        apis = apis_of(psutil.Process(process.pid))
        assert len(apis) == 1
        process.kill()
        assert not_gone(apis) == []
