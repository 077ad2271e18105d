"""The folder of one local server: its owner, its locks, its private files, its log. Not what runs in it."""

from __future__ import annotations

import fcntl
import importlib.util
import os
import secrets
import shutil
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import trio

from ops.local.errors import LocalServerFailed

UNPRIVILEGED = 65534  # "nobody": exists everywhere, owns nothing, and needs no line in /etc/passwd
LEFTOVERS_END_S = 20.0  # longer than a guard takes to end a server whose parent is gone
_LAST_LINES = 20
_LAST_BYTES = 8000


@dataclass(frozen=True)
class Place:
    """Where one server lives.

    Attributes:
        name: `postgres`, `redis` or `kafka`.
        folder: For its data, and its working folder.
        log: For its output.
        uid: To run under, with `gid`.
        lock: A descriptor for its processes to inherit: the folder stays locked as long as any of them lives,
            also when we do not.
    """

    name: str
    folder: Path
    log: Path
    uid: int
    gid: int
    lock: int

    def write_private(self, file: str, text: str) -> Path:
        """Write a file of mode 0600 that the server's user owns, whole or not at all."""
        path, draft = self.folder / file, self.folder / f"{file}.new"
        draft.unlink(missing_ok=True)
        with open(draft, "x", opener=lambda name, flags: os.open(name, flags | os.O_NOFOLLOW, 0o600)) as out:
            if os.geteuid() == 0:
                os.fchown(out.fileno(), self.uid, self.gid)
            out.write(text)
        return draft.replace(path)

    def lasting_secret(self, file: str) -> str:
        """A random secret, made once and kept in the folder."""
        if not (self.folder / file).exists():
            self.write_private(file, secrets.token_urlsafe(24))
        return (self.folder / file).read_text()

    def last_log_lines(self) -> str:
        """The end of the log, for an error message."""
        with self.log.open("rb") as log:
            log.seek(max(0, self.log.stat().st_size - _LAST_BYTES))
            lines = log.read().decode(errors="replace").splitlines()
        return "\n".join(f"    {line}" for line in lines[-_LAST_LINES:]) or "    (it wrote none)"


@asynccontextmanager
async def open_place(data: Path, name: str) -> AsyncIterator[Place]:
    """Make or find the folder of `name` below `data` and hold it.

    Raises:
        LocalServerFailed: Another process uses the folder.
        OSError: The folder cannot be used.
    """
    with ExitStack() as closing:
        folder, logs = _make_folders(data, name)
        uid, gid = _owner(folder)
        owner_lock, server_lock = (closing.enter_context(_open_lock(folder, who)) for who in ("owner", "server"))
        place = Place(name, folder, logs / f"{name}.log", uid, gid, server_lock.fileno())
        await _lock(place, owner_lock, server_lock)
        yield place


def executable_of_wheel(place: Place, package: str, pattern: str) -> Path:
    """The program that matches `pattern` in an installed wheel; a copy of it where the wheel lost its execute bit."""
    spec = importlib.util.find_spec(package)  # finds without importing: these packages are only carriers here
    found = sorted(Path(spec.origin).parent.glob(pattern)) if spec and spec.origin else []
    if not found:
        wheel = package.replace("_", "-")
        raise LocalServerFailed(
            place.name,
            f"its program is not installed. Install it (pip install {wheel}; no wheel for this platform may exist), "
            "or configure the address of a server of your own.",
        )
    if found[0].stat().st_mode & 0o100:
        return found[0]
    copy = place.folder / found[0].name
    shutil.copyfile(found[0], copy)
    copy.chmod(0o755)
    return copy


def _make_folders(data: Path, name: str) -> tuple[Path, Path]:
    data = data.resolve()
    folder, logs = data / name, data / "logs"
    data.mkdir(mode=0o700, parents=True, exist_ok=True)
    logs.mkdir(mode=0o700, exist_ok=True)
    folder.mkdir(mode=0o700, exist_ok=True)
    return folder, logs


def _owner(folder: Path) -> tuple[int, int]:
    """The user and group to run under: ours, or as root those of the folder, which it gets if it is still root's."""
    if os.geteuid() != 0:
        return os.geteuid(), os.getegid()
    owner = folder.stat()
    if owner.st_uid != 0:
        return owner.st_uid, owner.st_gid
    os.chown(folder, UNPRIVILEGED, UNPRIVILEGED, follow_symlinks=False)  # PostgreSQL refuses root
    return UNPRIVILEGED, UNPRIVILEGED


def _open_lock(folder: Path, who: str) -> BinaryIO:
    return (folder / f"{who}.lock").open("ab")


async def _lock(place: Place, owner_lock: BinaryIO, server_lock: BinaryIO) -> None:
    """Two locks tell a living owner, which is an error at once, from servers of a dead one, which end soon."""
    if not _try_lock(owner_lock):
        raise LocalServerFailed(
            place.name, f"{place.folder} is in use by another process that runs now. Stop it, or take another folder."
        )
    with trio.move_on_after(LEFTOVERS_END_S):
        while not _try_lock(server_lock):  # noqa: ASYNC110 -- a blocking flock could not be cancelled
            await trio.sleep(0.05)
        return
    raise LocalServerFailed(place.name, f"processes of an earlier start still use {place.folder}. End them first.")


def _try_lock(lock: BinaryIO) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
