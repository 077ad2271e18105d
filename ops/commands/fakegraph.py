"""`newar fakegraph`: the stand-in Graph API alone, with the options of `python -m ops.fakegraph`."""

from __future__ import annotations

import argparse
from functools import partial

import typer

from ops.fakegraph.__main__ import argument_parser
from ops.fakegraph.options import FakeGraphOptions, parse_rates
from ops.fakegraph.server import run

commands = typer.Typer()

NAME = "newar fakegraph"
_HELP_WIDTH = 100


def parser() -> argparse.ArgumentParser:
    """Return the stand-in's own options, under this command's name."""
    made = argument_parser()
    made.usage = f"{NAME} [OPTIONS]"
    made.epilog = (made.epilog or "").replace(made.prog, NAME)
    made.prog = NAME
    made.formatter_class = partial(argparse.RawDescriptionHelpFormatter, width=_HELP_WIDTH)
    return made


@commands.command(
    context_settings={"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []},
    epilog="Example: newar fakegraph --port 8090 --latency-ms 300",
)
def fakegraph(ctx: typer.Context) -> None:
    """Serve a stand-in Graph API, for trying things out; GRAPH_API_URL of the sender points to it."""
    flags = vars(parser().parse_args(ctx.args))
    run(FakeGraphOptions(**flags | {"errors": parse_rates(flags["errors"])}))
