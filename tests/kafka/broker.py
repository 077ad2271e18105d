"""One Kafka broker (KRaft, its own controller) on a folder and ports of its own: started, killed, started again."""

from __future__ import annotations

import base64
import os
import shutil
import signal
import subprocess
import time
from pathlib import Path

from tests.guarded import Guarded
from tests.patience import patience_s
from tests.ports import free_port
from tests.tls.certificates import Authority

_STARTED = "Kafka Server started"
_JAVA = [
    *("-Xms64m", "-Xmx384m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"),  # small, and quick to start
    "-XX:-UsePerfData",  # a file outside its folder, which a killed process leaves
    "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
    "-Dorg.slf4j.simpleLogger.log.kafka.server.KafkaRaftServer=info",
]
_PLAIN = "org.apache.kafka.common.security.plain.PlainLoginModule required"
_PROPERTIES = """\
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:{controller}
listeners=PLAINTEXT://127.0.0.1:{broker},SSL://127.0.0.1:{tls},LOGIN://127.0.0.1:{login},\\
  TLSLOGIN://127.0.0.1:{tls_login},CONTROLLER://127.0.0.1:{controller}
advertised.listeners=PLAINTEXT://127.0.0.1:{broker},SSL://127.0.0.1:{tls},LOGIN://127.0.0.1:{login},\\
  TLSLOGIN://127.0.0.1:{tls_login}
controller.listener.names=CONTROLLER
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,SSL:SSL,LOGIN:SASL_PLAINTEXT,TLSLOGIN:SASL_SSL,\\
  CONTROLLER:PLAINTEXT
listener.name.login.sasl.enabled.mechanisms=PLAIN
listener.name.login.plain.sasl.jaas.config={users}
listener.name.tlslogin.sasl.enabled.mechanisms=PLAIN
listener.name.tlslogin.plain.sasl.jaas.config={users}
authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer
super.users=User:ANONYMOUS;User:owner
ssl.keystore.type=PEM
ssl.keystore.location={certificate}
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
    """A broker whose data and addresses outlive its process. It ends with this process, however that ends.

    `bootstrap` is without TLS; `tls_bootstrap` with it, by a certificate of the authority in `ca_file`. There everybody
    may do everything. `login_bootstrap` and, with TLS, `tls_login_bootstrap` take users with `PASSWORD`: `owner` may do
    everything, `limited` nothing.
    """

    PASSWORD = "secret-of-the-broker"

    def __init__(self, java: Path, jars: Path, folder: Path) -> None:
        self._folder = folder
        self._java = [str(java), *_JAVA, f"-Djava.io.tmpdir={folder}", "-cp", f"{jars}/*"]
        self._properties = folder / "server.properties"
        self._process: Guarded | None = None
        ports = {name: free_port() for name in ("broker", "tls", "login", "tls_login", "controller")}
        self.bootstrap, self.tls_bootstrap, self.login_bootstrap, self.tls_login_bootstrap = (
            f"127.0.0.1:{ports[name]}" for name in ("broker", "tls", "login", "tls_login")
        )
        authority = Authority(folder)
        self.ca_file = authority.ca_file
        certificate = authority.certificate_file("127.0.0.1")
        users = f'{_PLAIN} user_owner="{self.PASSWORD}" user_limited="{self.PASSWORD}";'
        self._properties.write_text(_PROPERTIES.format(folder=folder, certificate=certificate, users=users, **ports))
        self._format()

    def lose_everything(self) -> None:
        """End it and set it up anew at the same address: another cluster id, no topics."""
        self.kill()
        shutil.rmtree(self._folder / "data")
        self._format()

    def _format(self) -> None:
        cluster_id = base64.urlsafe_b64encode(os.urandom(16)).decode().rstrip("=")  # may begin with a dash
        self._run("kafka.tools.StorageTool", "format", f"--cluster-id={cluster_id}", "-c", str(self._properties))

    def start(self) -> None:
        """Start it unless it runs; return when it answers. Blocks for some seconds."""
        if self._process is not None:
            return
        command = [*self._java, "kafka.Kafka", str(self._properties)]
        self._process = started = Guarded(command, self._folder, self._folder / "kafka.log")
        deadline = time.monotonic() + patience_s()
        while _STARTED not in started.output():
            if not started.running or time.monotonic() > deadline:
                self.kill()
                raise RuntimeError(f"Kafka did not start:\n{started.output()[-3000:]}")
            time.sleep(0.02)

    def kill(self) -> None:
        """End it by SIGKILL; return when it is gone."""
        if self._process is not None:
            self._process.kill()
            self._process = None

    def signal(self, number: signal.Signals) -> None:
        """Send it a signal, such as SIGSTOP and SIGCONT."""
        assert self._process is not None
        self._process.signal(number)

    def _run(self, *command: str) -> None:
        ended = subprocess.run(
            [*self._java, *command], stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
        )
        assert ended.returncode == 0, ended.stdout + ended.stderr
