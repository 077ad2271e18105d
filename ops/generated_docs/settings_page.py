"""Makes docs/settings.md of the settings classes: `python -m ops.generated_docs.settings_page > docs/settings.md`."""

from __future__ import annotations

import sys
from collections.abc import Iterator

from pydantic import SecretStr
from pydantic.fields import FieldInfo

from ops.settings.by_service import BY_HAND, SERVICES
from schema.runtime.settings import Settings, setting_name

_HEAD = """\
# Settings

Settings come from the environment, or from a file `.env` in the folder where a command is started; the environment
counts more. A missing or malformed one is told at the start, all at once, with what to write. Unknown names only warn.
`newar doctor` checks them all.

This page is made from the settings classes: `python -m ops.generated_docs.settings_page > docs/settings.md`.
"""

_MORE = """\
## Everywhere

| name | default | meaning |
| --- | --- | --- |
| `NEWAR_DEBUG` | - | `1`: an error shows its traceback |
"""


def page() -> str:
    """Return the text of docs/settings.md."""
    tables = ["\n".join(_table(service, kind)) for service, kind in (SERVICES | BY_HAND).items()]
    return "\n".join([_HEAD, *tables, _MORE])


def _table(service: str, kind: type[Settings]) -> Iterator[str]:
    yield f"## `newar {service}`\n"
    yield "| name | default | meaning |"
    yield "| --- | --- | --- |"
    fields = kind.model_fields.items()
    for name, field in sorted(fields, key=lambda item: (not item[1].is_required(), item[0])):
        yield f"| `{setting_name(name)}` | {_default(field)} | {_meaning(field)} |"
    yield ""


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "required"
    value = field.default
    if value is None or isinstance(value, SecretStr):
        return "-"
    return f"`{str(value).lower() if isinstance(value, bool) else value}`"


def _meaning(field: FieldInfo) -> str:
    example = ""
    if field.examples and field.is_required():
        text = str(field.examples[0])
        example = f"; made by `{text[2:-1]}`" if text.startswith("$(") else f"; for example `{text}`"
    return f"{field.description}{example}".replace("|", "\\|")


if __name__ == "__main__":
    sys.stdout.write(page())
