"""Makes a page: `python -m ops.generated_docs.from_the_original_page > docs/from-the-original.md`."""

from __future__ import annotations

import sys
from importlib.resources import files

from schema.runtime.old_names import OLD_NAMES

_WRITTEN = "from_the_original_page.md"


def page() -> str:
    """Return the text of the page: what is written by hand, then the table of names."""
    head = (files("ops.generated_docs") / _WRITTEN).read_text("utf-8")
    return "\n".join([f"{head}| name | becomes |", "| --- | --- |", *map(_line, OLD_NAMES), ""])


def _line(name: str) -> str:
    return f"| `{name}` | {OLD_NAMES[name].text} |"


if __name__ == "__main__":
    sys.stdout.write(page())
