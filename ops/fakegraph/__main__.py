"""Command line of the stand-in Graph API; the server itself is in `server`."""

import argparse
import sys
from pathlib import Path

from ops.fakegraph.options import FakeGraphOptions, FakeGraphUsageError, parse_rates
from ops.fakegraph.server import run

EXAMPLE = """\
example:
  python -m ops.fakegraph --port 8090 --latency-ms 300 --latency-p99-ms 1500 \\
      --errors window_closed_2018278=0.02,html_502=0.001

Prints one line, {"url": "http://127.0.0.1:8090"}, when it is ready, and stops on SIGTERM.
GET /__ledger streams every accepted message, /__posts every one that came in; /__ledger/summary,
/__requests and /__limits count. POST /__control changes errors, latency, pauses and refusals, hidden
limits, usage headers, outages and people; POST /__reset empties the ledger and what is counted.
What to write there: docs/stand-in.md.
"""


def argument_parser() -> argparse.ArgumentParser:
    """The options of `FakeGraphOptions` as flags."""
    parser = argparse.ArgumentParser(
        prog="python -m ops.fakegraph",
        description="A stand-in Graph API for tests and benchmarks.",
        epilog=EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    add = parser.add_argument
    add("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    add("--port", type=int, default=0, help="port; 0 takes a free one (default: %(default)s)")
    add("--latency-ms", type=float, default=0.0, metavar="MS", help="median latency; 0 answers at once")
    add("--latency-p99-ms", type=float, metavar="MS", help="99th percentile; absent: constant latency")
    add("--slow-answer-ms", type=float, default=5000.0, metavar="MS", help="what slow_answer adds")
    add("--seed", type=int, help="seed of latency, error mix and coins")
    add("--errors", default="", metavar="NAME=RATE,…", help="error mix by answer name")
    add("--failure-rate", type=float, default=0.0, metavar="RATE", help="rate of the usual recipient errors")
    add("--page-limit", type=float, metavar="N", help="messages/s of one page before code 613")
    add("--behaviour", default="{}", metavar="JSON", help="hidden limits, usage, outages and people: docs/stand-in.md")
    add("--tls-cert", type=Path, metavar="FILE", help="PEM certificate chain: serve TLS")
    add("--tls-key", type=Path, metavar="FILE", help="PEM private key")
    add("--tls-self-signed", type=Path, metavar="DIR", help="write ca.pem, cert.pem, key.pem there: serve TLS")
    add("--backlog", type=int, default=2048, help="connections that may wait (default: %(default)s)")
    add("--until-stdin-closes", action="store_true", help="stop when standard input ends")
    return parser


def main() -> int:
    """Run until stopped; 2 for wrong usage, 1 when the server cannot start."""
    flags = vars(argument_parser().parse_args())
    try:
        run(FakeGraphOptions(**flags | {"errors": parse_rates(flags["errors"])}))
    except FakeGraphUsageError as exc:
        print(f"fakegraph: {exc}", file=sys.stderr)
        return 2
    except OSError as exc:
        print(f"fakegraph: cannot serve: {exc}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
