"""pgbouncer before a PostgreSQL, from Debian's package: what stands between Newar and many a source, Supabase's too."""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

from tests.guarded import Guarded
from tests.patience import patience_s
from tests.ports import free_port

PGBOUNCER = shutil.which("pgbouncer", path=f"{os.environ.get('PATH', os.defpath)}:/usr/sbin:/usr/local/sbin")
_CONFIGURATION = """\
[databases]
* = host={host} port={port}

[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {listen}
unix_socket_dir =
auth_type = scram-sha-256
auth_file = {folder}/users.txt
pool_mode = {mode}
default_pool_size = 2
server_reset_query = DISCARD ALL
server_reset_query_always = {discards}
"""
_WITH_TLS = """\
client_tls_sslmode = require
client_tls_key_file = {folder}/server.pem
client_tls_cert_file = {folder}/server.pem
"""
_USER = "nobody"
"""It refuses to run as root."""


@contextmanager
def pooler(
    url: str, folder: Path, mode: str, *, discards: bool = False, certificate: Path | None = None
) -> Iterator[str]:
    """Run one with two connections for each database; yield the address through it.

    Args:
        url: the database's own address.
        folder: for its files, which will be its user's.
        mode: transaction or statement.
        discards: whether what a client leaves in a connection is gone before the next one gets it. Without it, which
            is usual, a prepared statement of one is in the way of another.
        certificate: of a server that takes nobody without TLS; its key is behind it.
    """
    assert PGBOUNCER is not None
    server, listen = urlsplit(url), free_port()
    (folder / "users.txt").write_text(f'"{server.username}" "{server.password}"\n')
    values = {"host": server.hostname, "port": server.port, "listen": listen, "mode": mode, "discards": int(discards)}
    configuration = _CONFIGURATION.format(folder=folder, **values)
    if certificate is not None:
        (folder / "server.pem").write_bytes(certificate.read_bytes())
        configuration += _WITH_TLS.format(folder=folder)
    (folder / "pgbouncer.ini").write_text(configuration)
    owner = pwd.getpwnam(_USER) if os.geteuid() == 0 else pwd.getpwuid(os.geteuid())
    if os.geteuid() == 0:
        for path in (folder, *folder.iterdir()):
            os.chown(path, owner.pw_uid, owner.pw_gid)
    command: list[str | Path] = [PGBOUNCER, folder / "pgbouncer.ini"]
    process = Guarded(command, folder, folder / "pgbouncer.log", uid=owner.pw_uid, gid=owner.pw_gid)
    try:
        _wait_until_it_listens(process, listen)
        yield url.replace(f":{server.port}/", f":{listen}/")
    finally:
        process.kill()


def _wait_until_it_listens(process: Guarded, port: int) -> None:
    deadline = time.monotonic() + patience_s()
    while True:
        try:
            socket.create_connection(("127.0.0.1", port)).close()
        except OSError:
            if not process.running or time.monotonic() > deadline:
                raise RuntimeError(f"pgbouncer did not start:\n{process.output()[-2000:]}") from None
            time.sleep(0.02)
        else:
            return
