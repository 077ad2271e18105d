"""`tests.trio_mistakes` finds what flake8-async finds by itself, in each file that it has anything to say of."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
MISTAKES = {
    "ASYNC100": "import trio\nasync def f():\n    with trio.fail_after(1):\n        pass\n",
    "ASYNC101": "import trio\ndef f():\n    with trio.CancelScope():\n        yield\n",
    "ASYNC102": "async def f():\n    try:\n        pass\n    finally:\n        await g()\n",
    "ASYNC103": "def f():\n    try:\n        g()\n    except BaseException:\n        pass\n",
    "ASYNC103 bare": "def f():\n    try:\n        g()\n    except:\n        pass\n",
    "ASYNC105": "import trio\ndef f():\n    trio.sleep(1)\n",
    "ASYNC106": "from anyio import sleep\n",
    "ASYNC109": "async def f(timeout): ...\n",
    "ASYNC113": "import trio\nclass C:\n    async def __aenter__(self):\n        self.nursery.start_soon(serve)\n",
    "ASYNC114": "async def f(task_status): ...\n",
    "ASYNC118": "from anyio import get_cancelled_exc_class\nx = get_cancelled_exc_class()\n",
    "ASYNC123": "try:\n    f()\nexcept ExceptionGroup as e:\n    raise e.exceptions[0]\n",
    "ASYNC210": "import requests\nasync def f():\n    requests.get('x')\n",
    "ASYNC230": "async def f():\n    open('x')\n",
    "ASYNC300": "import asyncio\nasync def f():\n    asyncio.create_task(g())\n",
    "nothing": "import trio\nasync def f():\n    await trio.sleep(1)  # noqa: ASYNC999\n",
    "ignored": "async def f(timeout): ...  # noqa: ASYNC109\n",
}


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> tuple[list[str], list[str]]:
    """What flake8-async finds in these files, and what we do."""
    folder = tmp_path_factory.mktemp("mistakes")
    for name, text in MISTAKES.items():
        (folder / f"{name}.py").write_text(text)
    names = [f"{name}.py" for name in MISTAKES]
    rules = ["-c", "from tests.trio_mistakes import RULES; print(*RULES)"]
    by_itself = [sys.executable, "-m", "flake8_async", *run(rules, folder)[0].split(), *names]
    return run(by_itself[1:], folder), run(["-m", "tests.trio_mistakes", *names], folder)


def run(arguments: list[str], folder: Path) -> list[str]:
    command = [sys.executable, *arguments]
    ended = subprocess.run(
        command, cwd=folder, env={"PYTHONPATH": str(ROOT)}, capture_output=True, text=True, check=False
    )
    assert ended.stderr == ""
    return ended.stdout.splitlines()


def test_the_same_mistakes_are_found(found: tuple[list[str], list[str]]) -> None:
    by_itself, ours = found
    assert ours == by_itself


@pytest.mark.parametrize("name", MISTAKES)
def test_found_is(name: str, found: tuple[list[str], list[str]]) -> None:
    code = name.partition(" ")[0]
    lines = [line for line in found[1] if line.startswith(f"{name}.py")]
    assert lines == [] if code in ("nothing", "ignored") else any(code in line for line in lines)
