"""The argument that most commands of `newar run` take."""

from __future__ import annotations

from typing import Annotated

import typer

RunId = Annotated[str, typer.Argument(metavar="ID", help="The run's id.")]
