"""A platform that is told of runs: a real server, which answers as it is told to."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
HANG, HANG_UP = 0, -1


@dataclass(frozen=True)
class Told:
    """One request."""

    headers: dict[str, str]
    body: bytes

    @property
    def id(self) -> str:
        return self.headers["webhook-id"]

    @property
    def said(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.body)
        return found


@dataclass
class Platform:
    """What it was told, and how it answers: with a status, never, or by hanging up."""

    url: str = ""
    status: int = 200
    only_once: dict[str, int] = field(default_factory=dict)
    """By run: how the next request of it is answered instead."""
    told: list[Told] = field(default_factory=list)
    let_go: threading.Event = field(default_factory=threading.Event)

    def of(self, run_id: str) -> list[str]:
        return [told.said["type"] for told in self.told if told.said["data"]["run_id"] == run_id]


@contextmanager
def open_platform() -> Iterator[Platform]:
    platform = Platform()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            told = Told({name.lower(): value for name, value in self.headers.items()}, body)
            status = platform.only_once.pop(told.said["data"]["run_id"], platform.status)
            platform.told.append(told)
            if status == HANG:
                platform.let_go.wait()
            if status <= 0:
                self.close_connection = True
                return
            self.send_response(status)
            if 300 <= status < 400:
                self.send_header("Location", platform.url + "/elsewhere")
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"ok")

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, *_: object) -> None:
            """A client that hangs up is none."""

    with Server(("127.0.0.1", 0), Handler) as server:
        platform.url = f"http://127.0.0.1:{server.server_address[1]}/hooks"
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield platform
        finally:
            platform.let_go.set()
            server.shutdown()
            thread.join()
