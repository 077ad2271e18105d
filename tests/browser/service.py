"""`newar api` alone, as a process: prints its address and serves until SIGTERM. Argument: its settings as JSON."""

from __future__ import annotations

import json
import sys
from typing import Any

import trio

from ops.api.app import serve
from schema.runtime.asyncio_door import open_asyncio
from schema.runtime.logging import configure_logging
from schema.runtime.stop import Stop
from tests.unit.api.contents import api_settings


async def main(settings: dict[str, Any]) -> None:
    stop = Stop(drain_s=5)
    async with open_asyncio(), trio.open_nursery() as nursery:
        await nursery.start(stop.listen)
        async with trio.open_nursery() as services:
            print(await services.start(serve, api_settings(**{"api_port": 0, **settings}), stop), flush=True)
        nursery.cancel_scope.cancel()


configure_logging("api")
trio.run(main, json.loads(sys.argv[1]))
