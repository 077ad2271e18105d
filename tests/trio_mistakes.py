"""flake8-async over the project, as `nox -s lint` calls it: `python -m tests.trio_mistakes [FILE ...]`.

By itself it works out anew, for each of its rules, where every node of a file stands, reads files that no rule speaks
of, and uses one core: three minutes of it, of which this leaves less than one.
"""

from __future__ import annotations

import gc
import re
import sys
from argparse import ArgumentParser
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import lru_cache
from pathlib import Path
from typing import Any

import libcst
from flake8_async import Plugin

ROOMS = ("schema", "sender", "ingest", "ops", "tests")
RULES = [
    # 127: httpx's own pool is not used on the hot path (ops/decisions/0001). 124: Quart runs sync views in threads.
    # 110: what is polled for is in another process. 9xx, 400: demand checkpoints everywhere, and are off by default.
    "--disable=ASYNC110,ASYNC124,ASYNC127,ASYNC400,ASYNC900,ASYNC910,ASYNC911,ASYNC912,ASYNC913",
    "--startable-in-context-manager=serve,serve_all,run,keep,look,retire_idle,listen,publish_snapshots,_cancel_at_ctrl_c",
]
_SPOKEN_OF = re.compile(r"\b(async|await|asyncio|trio|anyio|BaseException|\w*ExceptionGroup|exceptions)\b|\bexcept\s*:")
"""Without any of these a file has nothing that a rule looks at: no coroutine, and no handler that takes everything."""


class _OnceLocated(libcst.MetadataWrapper):
    """A file's nodes and where they stand. What a rule would change in them is not asked for, and forgotten."""

    def visit(self, visitor: Any) -> libcst.Module:
        super().visit(visitor)
        return self.module


def prepare(rules: Sequence[str] = RULES) -> None:
    """Set the rules for this process, and let all of them share what is known of a file."""
    libcst.MetadataWrapper = lru_cache(maxsize=1)(_OnceLocated)  # type: ignore[misc,assignment]
    gc.disable()  # trees come and go whole, and a process ends soon
    parser = ArgumentParser()
    Plugin.add_options(parser)
    Plugin.parse_options(parser.parse_args(rules))


def mistakes_in(path: Path) -> list[str]:
    """Return what the rules find in a file, a line each."""
    if not _SPOKEN_OF.search(path.read_text()):
        return []
    return [f"{path}:{error}" for error in sorted(Plugin.from_filename(path).run())]


def main(names: Sequence[str]) -> int:
    """Print the mistakes in these files, or in all; return 1 if there are any."""
    paths = [Path(name) for name in names] or sorted(path for room in ROOMS for path in Path(room).rglob("*.py"))
    with ProcessPoolExecutor(initializer=prepare) as pool:
        found = [mistake for mistakes in pool.map(mistakes_in, paths, chunksize=4) for mistake in mistakes]
    print("\n".join(found), end="\n" * bool(found))
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
