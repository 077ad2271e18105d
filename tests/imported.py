"""Which modules a command imports, of those that take long: a process of its own says so at its end."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

_PROGRAM = """
import sys
from ops.cli import main
try:
    main()
finally:
    print(*sorted({name.partition(".")[0] for name in sys.modules}), file=sys.stderr)
"""


def imported_by(*words: str, folder: Path, **environment: str) -> set[str]:
    """Run `newar` with these words in a folder, and return the names of the packages that it imported."""
    ended = subprocess.run(
        [sys.executable, "-c", _PROGRAM, *words],
        cwd=folder,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(Path(__file__).parents[1]), **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    return set(ended.stderr.splitlines()[-1].split())
