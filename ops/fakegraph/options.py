"""What the stand-in Graph API can be told at its start; what the names mean is in answers and mix."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path


class FakeGraphUsageError(ValueError):
    """An option or a control request that cannot be carried out; the text says what to write instead."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FakeGraphOptions:
    """Options of one server.

    Attributes:
        host: Address to listen on.
        port: Port to listen on; 0 takes a free one.
        latency_ms: Median time from the whole request to its answer; 0 answers at once.
        latency_p99_ms: 99th percentile of a log-normal distribution; None makes the latency constant.
        slow_answer_ms: What the answer named `slow_answer` adds.
        seed: Seed of latency, error mix and coins; None differs at every start.
        errors: Rate (0 to 1) by answer name.
        failure_rate: Rate spread over the usual recipient errors, on top of `errors`.
        page_limit: Messages per second that one page may send before 613; None for no limit.
        tls_cert: PEM certificate chain; with `tls_key`.
        tls_key: PEM private key.
        tls_self_signed: Folder to write `ca.pem`, `cert.pem` and `key.pem` into and serve with.
        backlog: Connections that may wait to be taken.
        behaviour: How pages and people behave, as JSON of `behaviour.BehaviourChange`; its times begin at the start.
        until_stdin_closes: Stop when standard input ends, so that a killed parent leaves nothing behind.
    """

    host: str = "127.0.0.1"
    port: int = 0
    latency_ms: float = 0.0
    latency_p99_ms: float | None = None
    slow_answer_ms: float = 5000.0
    seed: int | None = None
    errors: Mapping[str, float] = field(default_factory=dict)
    failure_rate: float = 0.0
    page_limit: float | None = None
    tls_cert: Path | None = None
    tls_key: Path | None = None
    tls_self_signed: Path | None = None
    backlog: int = 2048
    behaviour: str = "{}"
    until_stdin_closes: bool = False

    def __post_init__(self) -> None:
        if (self.tls_cert is None) != (self.tls_key is None):
            raise FakeGraphUsageError("--tls-cert and --tls-key go together")
        if self.tls_cert is not None and self.tls_self_signed is not None:
            raise FakeGraphUsageError("--tls-self-signed makes its own certificate: leave out --tls-cert")
        if not 0 <= self.port <= 65_535:
            raise FakeGraphUsageError("--port must be 0 to 65535; 0 takes a free one")
        check_page_limit(self.page_limit)


def check_page_limit(per_second: float | None) -> None:
    """Raise FakeGraphUsageError for a limit that would let nothing through."""
    if per_second is not None and per_second <= 0:
        raise FakeGraphUsageError("the page limit must be above 0; leave it out for no limit")


def parse_rates(text: str) -> dict[str, float]:
    """Read `name=rate,name=rate`; whether the names exist is checked by the mix.

    Raises:
        FakeGraphUsageError: A part is not `name=number`.
    """
    rates: dict[str, float] = {}
    for part in filter(None, (part.strip() for part in text.split(","))):
        name, _, rate = part.partition("=")
        try:
            rates[name.strip()] = float(rate)
        except ValueError:
            raise FakeGraphUsageError(f"{part!r} is not name=rate, as in window_closed_2018278=0.02") from None
    return rates
