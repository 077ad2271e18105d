"""How results are shown: a table for people, one JSON object for programs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from statistics import median
from typing import Any

import typer
from rich.console import Console
from rich.table import Table

from ops.bench.conditions import Conditions
from ops.bench.send import SendCase, SendFigures, SendOptions
