"""Open files: as many as the system lets this process have, and enough for its connections. Nothing else of limits."""

from __future__ import annotations

import resource

from schema.runtime.settings import SettingsError

OTHER_FILES = 100
"""Besides connections to the Graph API: Redis, broker, epoll, pipes, libraries that are being loaded."""


def make_room(max_sockets: int) -> None:
    """Raise this process's limit of open files to the highest that it may choose itself.

    Raises:
        SettingsError: so many connections do not fit into it.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = max_sockets + OTHER_FILES
    allowed = max(soft, needed) if hard == resource.RLIM_INFINITY else hard
    if allowed < needed:
        raise SettingsError(
            [
                f"MAX_SOCKETS={max_sockets} needs {needed} open files and this process may have {allowed}: raise the "
                f"limit (ulimit -Hn, LimitNOFILE= of systemd, ulimits: of compose), or write MAX_SOCKETS="
                f"{max(1, allowed - OTHER_FILES)} or less"
            ]
        )
    if soft != resource.RLIM_INFINITY and soft < allowed:
        resource.setrlimit(resource.RLIMIT_NOFILE, (allowed, hard))
