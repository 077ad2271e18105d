"""Who gives a command, for the audit trail."""

from __future__ import annotations

import os
import pwd
import socket


def who() -> str:
    """Return the person as the operating system knows them, and the machine; under sudo whoever called it.

    This tells colleagues apart. It is no proof: who may change Redis may write there what they like.
    """
    try:
        name = pwd.getpwuid(os.getuid()).pw_name
    except KeyError:  # a container's user often has no name
        name = f"uid {os.getuid()}"
    caller = os.environ.get("SUDO_USER")
    return f"{caller or name}@{socket.gethostname()}"
