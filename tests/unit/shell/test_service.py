"""How a command that ends by itself is run."""

from __future__ import annotations

import signal
import subprocess
import sys

from tests.patience import patience_s

BUSY = """
import asyncio
from ops.shell.service import run_once
from schema.runtime.asyncio_door import aio

async def work():
    try:
        print("busy", flush=True)
        while True:
            await asyncio.sleep(0)
    finally:
        print("cleaned up", flush=True)

run_once(lambda: aio(work))
"""


def test_ctrl_c_ends_a_command_that_is_busy_in_asyncio_and_lets_it_clean_up() -> None:
    with subprocess.Popen([sys.executable, "-c", BUSY], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == b"busy\n"
            process.send_signal(signal.SIGINT)
            output, errors = process.communicate(timeout=patience_s())
        finally:
            process.kill()
    assert output == b"cleaned up\n"
    assert (process.returncode, errors.splitlines()[-1]) == (-signal.SIGINT, b"KeyboardInterrupt")
