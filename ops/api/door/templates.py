"""Filling in templates. None of them waits for anything: compiled without async, they take half the time."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from quart import Quart, current_app
from quart.templating import Environment


class PlainEnvironment(Environment):
    """As Quart's own, whose templates may await."""

    def __init__(self, app: Quart, **options: Any) -> None:
        super().__init__(app, **options)
        self.is_async = False


async def filled_in(template: str, block: str | None = None, **context: Any) -> str:
    """Return the text of a template, or of one of its blocks, with what every page may use besides `context`."""
    await current_app.update_template_context(context)
    found = current_app.jinja_env.get_template(template)
    if block is None:
        return found.render(context)
    parts: Iterator[str] = found.blocks[block](found.new_context(context))
    return "".join(parts)
