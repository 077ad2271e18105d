"""`python -m ops.local`: local servers for a shell or a test session, stopped when standard input ends."""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import signal
import sys
from pathlib import Path

import trio

from ops.local.errors import LocalServerError
from ops.local.servers import SERVER_NAMES, open_servers


def main() -> int:
    """Run until standard input ends, SIGTERM or SIGINT; 0, or 1 when a server did not start or died."""
    arguments = _parse()
    status = 0
    try:
        trio.run(_serve, arguments.data, arguments.only.split(","), not arguments.not_durable)
    except* LocalServerError as group:
        for error in group.exceptions:
            print(error, *getattr(error, "__notes__", ()), sep="\n", file=sys.stderr)
        status = 1
    return status


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m ops.local",
        description="Start local servers, print their addresses as one line of JSON, stop them when stdin ends.",
        epilog="example: python -m ops.local --data ./data --only postgres,redis",
    )
    parser.add_argument("--data", type=Path, required=True, help="folder that keeps their data")
    parser.add_argument("--only", default=",".join(SERVER_NAMES), help="names, comma separated (default: %(default)s)")
    parser.add_argument("--not-durable", action="store_true", help="quicker, for tests: a crash may lose data")
    return parser.parse_args()


async def _serve(data: Path, wanted: list[str], durable: bool) -> None:
    async with trio.open_nursery() as nursery:
        nursery.start_soon(_cancel_when_signalled, nursery.cancel_scope)
        async with open_servers(data, wanted, durable=durable) as addresses:
            print(json.dumps(dataclasses.asdict(addresses)), flush=True)
            await trio.to_thread.run_sync(_read_to_end, abandon_on_cancel=True)
        nursery.cancel_scope.cancel()


async def _cancel_when_signalled(scope: trio.CancelScope) -> None:
    with trio.open_signal_receiver(signal.SIGTERM, signal.SIGINT) as signals:
        await anext(signals)
        scope.cancel()


def _read_to_end() -> None:
    while os.read(sys.stdin.fileno(), 4096):
        pass


if __name__ == "__main__":
    sys.exit(main())
