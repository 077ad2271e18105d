"""One Kafka broker (KRaft, its own controller) on a folder and ports of its own: started, killed, started again."""

from __future__ import annotations

import base64
import contextlib
import os
import random
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import psutil

from ops.local.process import GUARD

_START_WITHIN_S = 60.0
_STARTED = "Kafka Server started"
_PORTS = range(20_000, 32_000)
"""Below those that the system gives to clients: while the broker is away none of them can take its port."""
_JAVA = [
    *("-Xms64m", "-Xmx384m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"),  # small, and quick to start
    "-XX:-UsePerfData",  # a file outside its folder, which a killed process leaves
    "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
    "-Dorg.slf4j.simpleLogger.log.kafka.server.KafkaRaftServer=info",
]
_PROPERTIES = """\
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:{controller}
listeners=PLAINTEXT://127.0.0.1:{broker},CONTROLLER://127.0.0.1:{controller}
advertised.listeners=PLAINTEXT://127.0.0.1:{broker}
controller.listener.names=CONTROLLER
log.dirs={folder}/data
auto.create.topics.enable=false
offsets.topic.replication.factor=1
offsets.topic.num.partitions=1
group.initial.rebalance.delay.ms=0
broker.heartbeat.interval.ms=200
broker.session.timeout.ms=1000
log.cleaner.enable=false
num.network.threads=2
num.io.threads=2
"""


class KafkaBroker:
    """A broker whose data and address outlive its process. It ends with this process, however that ends."""

    def __init__(self, java: Path, jars: Path, folder: Path) -> None:
        self._folder = folder
        self._java = [str(java), *_JAVA, f"-Djava.io.tmpdir={folder}", "-cp", f"{jars}/*"]
        self._properties = folder / "server.properties"
        self._log = folder / "kafka.log"
        self._guard: subprocess.Popen[bytes] | None = None
        broker, controller = _free_ports()
        self.bootstrap = f"127.0.0.1:{broker}"
        self._properties.write_text(_PROPERTIES.format(broker=broker, controller=controller, folder=folder))
        cluster_id = base64.urlsafe_b64encode(os.urandom(16)).decode().rstrip("=")
        self._run("kafka.tools.StorageTool", "format", "-t", cluster_id, "-c", str(self._properties))

    def start(self) -> None:
        """Start it unless it runs; return when it answers. Blocks for some seconds."""
        if self._guard is not None:
            return
        command = [*self._java, "kafka.Kafka", str(self._properties)]
        with self._log.open("wb") as log:
            self._guard = subprocess.Popen(  # noqa: S603
                [*_guarded(self._folder), *command],
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        deadline = time.monotonic() + _START_WITHIN_S
        while _STARTED not in self._log.read_text(errors="replace"):
            if self._guard.poll() is not None or time.monotonic() > deadline:
                self.kill()
                raise RuntimeError(f"Kafka did not start:\n{self._log.read_text(errors='replace')[-3000:]}")
            time.sleep(0.02)

    def kill(self) -> None:
        """End it by SIGKILL; return when it is gone."""
        if self._guard is not None:
            assert self._guard.stdin is not None
            self._guard.stdin.close()  # its guard then does it
            self._guard.wait()
            self._guard = None

    def signal(self, number: signal.Signals) -> None:
        """Send it a signal, such as SIGSTOP and SIGCONT."""
        assert self._guard is not None
        [server] = psutil.Process(self._guard.pid).children()
        server.send_signal(number)

    def _run(self, *command: str) -> None:
        ended = subprocess.run(  # noqa: S603
            [*self._java, *command], stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
        )
        assert ended.returncode == 0, ended.stdout + ended.stderr


def _guarded(folder: Path) -> list[str]:
    kill_at_once = str(int(signal.SIGKILL))
    return [sys.executable, "-I", "-S", str(GUARD), str(folder), str(os.geteuid()), str(os.getegid()), kill_at_once]


def _free_ports() -> tuple[int, int]:
    found: list[int] = []
    while len(found) < 2:
        port = random.choice(_PORTS)  # noqa: S311 - no secret
        with socket.socket() as probe, contextlib.suppress(OSError):  # taken: another one
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(("127.0.0.1", port))
            found += [port] if port not in found else []
    return found[0], found[1]
