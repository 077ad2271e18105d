"""A Prometheus with the hastened alerts, which looks at one HTTP service."""

from __future__ import annotations

import json
import shutil
import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import httpx

from tests.faults.alerts.hastened import FASTER, hastened
from tests.guarded import Guarded
from tests.patience import patience_s, slowness
from tests.ports import free_port
from tests.unit.deploy.files import DEPLOY, read_yaml

PROGRAM = shutil.which("prometheus")
SHIPPED = DEPLOY / "prometheus"
LOOK_EVERY_MS = 500
MOST_SLOWLY = 2.0
"""On a busy machine all takes so much longer: more, and the messages come to their end."""


class Prometheus:
    """A process, with the shipped configuration but for the times, where to look, and as whom."""

    def __init__(self, folder: Path, target: str, token: str) -> None:
        assert PROGRAM is not None
        folder.mkdir()
        slower = min(MOST_SLOWLY, slowness())
        rules = hastened(read_yaml(SHIPPED / "newar.rules.yml"), FASTER / slower)
        (folder / "newar.rules.yml").write_text(json.dumps(rules))
        (folder / "newar-viewer-token").write_text(token)
        config: dict[str, Any] = read_yaml(SHIPPED / "prometheus.yml")
        config["global"] = {
            name: f"{int(LOOK_EVERY_MS * slower)}ms"
            for name in ("scrape_interval", "scrape_timeout", "evaluation_interval")
        }
        config["scrape_configs"][0]["static_configs"] = [{"targets": [target]}]
        (folder / "prometheus.yml").write_text(json.dumps(config))  # YAML holds JSON
        self._address = f"127.0.0.1:{free_port()}"
        command = [PROGRAM, f"--config.file={folder / 'prometheus.yml'}", f"--web.listen-address={self._address}"]
        command += [f"--storage.tsdb.path={folder / 'data'}", "--log.level=warn"]
        self._is_away = False
        self._last: list[dict[str, Any]] = []
        self.process = Guarded(command, folder, folder / "prometheus.log")

    def alerts(self) -> list[dict[str, Any]]:
        """Return what fires or is about to; while it looks away, what did before."""
        if not self._is_away:
            with suppress(httpx.ConnectError):  # it has not begun yet
                answer = httpx.get(f"http://{self._address}/api/v1/alerts", timeout=patience_s())
                self._last = answer.json()["data"]["alerts"] if answer.is_success else []
            assert self.process.running, self.process.output()
        return self._last

    def firing(self) -> list[dict[str, Any]]:
        """Return the alerts that fire."""
        return [alert for alert in self.alerts() if alert["state"] == "firing"]

    @contextmanager
    def looking_away(self) -> Iterator[None]:
        """Let it see nothing inside the block, as between two looks that are far apart."""
        self._is_away = True
        self.process.signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self.process.signal(signal.SIGCONT)
            self._is_away = False
