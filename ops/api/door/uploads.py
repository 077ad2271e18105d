"""Requests that bring a file: it goes to the disk as it comes, bounded, and is gone when they are answered."""

from __future__ import annotations

import mmap
import os
import tempfile
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from hashlib import sha256
from pathlib import Path
from typing import Any

import msgspec
import trio
from quart import request
from quart_trio.wrappers.request import TrioBody
from werkzeug.exceptions import RequestEntityTooLarge, UnsupportedMediaType
from werkzeug.sansio.multipart import Data, Epilogue, Field, File, MultipartDecoder, NeedData

from ops.api.door.bodies import JSON
from ops.api.door.problems import BadParameter, TooManyUploads
from schema.runtime.text_files import OPEN_FILES

PATHS = frozenset({"/api/v1/runs", "/admin/submit"})
"""Where bodies may be longer than what is held in memory."""
FORM = "multipart/form-data"
MOST_AT_ONCE = 16
MOST_OF_A_CLIENT = 4
"""Files of one address at once: each may fill SUBMIT_MAX_BYTES of the disk, as slowly as its sender likes."""
MOST_OF_FIELDS = 1024 * 1024
_FOLDER = "/var/tmp" if os.access("/var/tmp", os.W_OK) else None  # noqa: S108 - for large files; /tmp may be memory
_AT_A_TIME = 1024 * 1024
STORED_WITHIN_S = 600.0
"""So long storing a run's recipients may take."""
_AROUND_BOUNDARY = 64
"""Line breaks, dashes and blanks before and behind it."""


class LongBody(TrioBody):
    """A body that may be longer than what is held of it in memory; it is read in parts."""

    def __init__(self) -> None:
        super().__init__(None, None)
        self._taken = trio.Event()

    async def __anext__(self) -> bytes:
        """Return the next part."""
        part = await super().__anext__()
        self._taken.set()
        self._taken = trio.Event()
        return part

    async def room(self) -> None:
        """Wait until not too much of it is in memory."""
        while len(self._data) > _AT_A_TIME:
            await self._taken.wait()


class Upload(msgspec.Struct, frozen=True):
    """What a request brought."""

    fields: dict[str, bytes]
    """Parts of a form but the file, by name; of JSON, each field but the list, as it was written."""
    file: Path
    """The file, or the list; there until the request is answered. Empty where there was none."""
    digest: bytes
    """Another for every other content, however it was packed."""


class Uploads:
    """Those that this process takes now."""

    def __init__(self, *, most: int = MOST_AT_ONCE, most_of_a_client: int = MOST_OF_A_CLIENT) -> None:
        self._most, self._most_of_a_client = most, most_of_a_client
        self._under_way: Counter[str] = Counter()

    @asynccontextmanager
    async def take(self, name: str, most_bytes: int) -> AsyncIterator[Upload]:
        """Take the request being answered, as `uploaded` does.

        Raises:
            TooManyUploads: as many are under way as may be.
        """
        client = request.remote_addr or ""
        if self._under_way.total() >= self._most:
            raise TooManyUploads(f"{self._most} files are being taken already: send it again later")
        if self._under_way[client] >= self._most_of_a_client:
            raise TooManyUploads(f"{client} sends {self._most_of_a_client} files already: send one after the other")
        self._under_way[client] += 1
        try:
            async with uploaded(name, most_bytes) as upload:
                yield upload
        finally:
            self._under_way[client] -= 1
            self._under_way += Counter()  # forgets those with none


@asynccontextmanager
async def uploaded(name: str, most: int) -> AsyncIterator[Upload]:
    """Take the request being answered: a form with a file of this name, or a JSON object with a list of this name.

    Raises:
        UnsupportedMediaType: it is neither.
        RequestEntityTooLarge: it is longer than `most` bytes.
        BadParameter: it cannot be read as what it says it is; nothing is left of it.
    """
    if request.mimetype not in (FORM, JSON):
        raise UnsupportedMediaType(f"send JSON (Content-Type: {JSON}), or a form with a file ({FORM})")
    if (request.content_length or 0) > most:
        raise _too_long(most)
    with _nameless_file() as file:
        read = _read_form if request.mimetype == FORM else _read_json
        yield await read(name, file, most)


@contextmanager
def _nameless_file() -> Iterator[Path]:
    """An empty file of the disk that stands in no folder, so that nothing is left of it however this process ends."""
    with tempfile.TemporaryFile(dir=_FOLDER) as opened:
        yield OPEN_FILES / str(opened.fileno())


async def _read_form(name: str, file: Path, most: int) -> Upload:
    boundary = request.mimetype_params.get("boundary", "")
    if not boundary.isascii() or not 1 <= len(boundary) <= 200:
        raise BadParameter("the Content-Type of a form names its boundary")
    form = _Form(name, boundary.encode())
    async with await trio.open_file(file, "r+b") as stored:

        async def take(part: bytes) -> None:
            await stored.write(form.read(part))

        await _take_parts(most, take)
    form.end()
    return Upload(form.fields, file, form.digest())


class FormDecoder(MultipartDecoder):
    """Werkzeug's own takes the line break before a boundary for content, when it gets the boundary in two pieces."""

    def _last_partial_boundary_index(self, data: bytes | bytearray) -> int:
        """Return from where on the data may be a boundary that is not all there yet."""
        from_end = max(0, len(data) - len(self.boundary) - _AROUND_BOUNDARY)
        breaks = [at for at in (data.find(b"\r", from_end), data.find(b"\n", from_end)) if at >= 0]
        return min(breaks, default=len(data))


class _Form:
    """Takes a form apart as it comes. No I/O."""

    def __init__(self, file_name: str, boundary: bytes) -> None:
        self.fields: dict[str, bytes] = {}
        self._file_name = file_name
        self._decoder = FormDecoder(boundary, max_parts=100)
        self._current: str | None = None
        self._files = 0
        self._digest = sha256()

    def read(self, data: bytes) -> bytes:
        """Return what belongs to the file. Raises BadParameter."""
        found = bytearray()
        try:
            self._decoder.receive_data(data)
            while not isinstance(event := self._decoder.next_event(), NeedData | Epilogue):
                found += self._take(event)
        except (ValueError, RequestEntityTooLarge) as exc:
            raise BadParameter(f"the form cannot be read: {exc}") from None
        self._digest.update(found)
        return bytes(found)

    def end(self) -> None:
        """See that all of it was read. Raises BadParameter."""
        try:
            self._decoder.receive_data(None)
            ended = isinstance(self._decoder.next_event(), Epilogue)
        except ValueError:
            ended = False
        if not ended:
            raise BadParameter("the form ends before its last boundary")

    def digest(self) -> bytes:
        """Return what stands for its content."""
        for name, value in sorted(self.fields.items()):
            self._digest.update(b"\0%d %d\0%s%s" % (len(name), len(value), name.encode(), value))
        return self._digest.digest()

    def _take(self, event: object) -> bytes:
        if isinstance(event, Field | File):
            self._current = event.name
            self._begin(event.name)
        elif isinstance(event, Data) and self._current == self._file_name:
            return event.data
        elif isinstance(event, Data) and self._current is not None:
            self.fields[self._current] += event.data
            if sum(map(len, self.fields.values())) > MOST_OF_FIELDS:
                raise ValueError(f"its parts but {self._file_name} are longer than {MOST_OF_FIELDS} bytes")
        return b""

    def _begin(self, name: str) -> None:
        if name == self._file_name:
            self._files += 1
        if name in self.fields or self._files > 1:
            raise ValueError(f"it has {name!r} twice")
        if name != self._file_name:
            self.fields[name] = b""


async def _read_json(name: str, file: Path, most: int) -> Upload:
    digest = sha256()
    with _nameless_file() as body:
        async with await trio.open_file(body, "r+b") as stored:

            async def take(part: bytes) -> None:
                digest.update(part)
                await stored.write(part)

            await _take_parts(most, take)
        fields = await trio.to_thread.run_sync(_taken_apart, body, name, file)
    return Upload(fields, file, digest.digest())


def _taken_apart(body: Path, name: str, file: Path) -> dict[str, bytes]:
    """Write the list of this name into a file of its own and return the other fields. Not in memory: it may be long."""
    if not body.stat().st_size:
        raise BadParameter("the body is empty: send a JSON object")
    with body.open("rb") as opened, mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_READ) as mapped:
        problem: str | None = None
        fields: dict[str, Any] = {}
        try:
            fields = msgspec.json.decode(mapped, type=dict[str, msgspec.Raw])
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as exc:
            problem = str(exc)
        if problem is not None:
            raise BadParameter(f"the body cannot be read as a JSON object: {problem}")
        whole = fields.pop(name, msgspec.Raw(b""))
        with file.open("r+b") as stored, memoryview(whole) as view:
            is_list = view[:1].tobytes() in (b"", b"[")
            for start in range(0, len(view), _AT_A_TIME):
                stored.write(view[start : start + _AT_A_TIME])
        found = {name: bytes(value) for name, value in fields.items()}
        fields.clear()
        del whole  # it looks into the file that is about to be closed
    if not is_list:
        raise BadParameter(f"{name} must be a list of objects")
    if sum(map(len, found.values())) > MOST_OF_FIELDS:
        raise BadParameter(f"what stands beside {name} is longer than {MOST_OF_FIELDS} bytes")
    return found


async def _take_parts(most: int, take: Callable[[bytes], Awaitable[object]]) -> None:
    size = 0
    async for part in request.body:
        size += len(part)
        if size > most:
            raise _too_long(most)
        await take(part)


def _too_long(most: int) -> RequestEntityTooLarge:
    return RequestEntityTooLarge(f"it is longer than {most} bytes, which is what SUBMIT_MAX_BYTES allows")
