"""Files that pages need: read once, compressed once, and named by what is in them, so that browsers keep them."""

from __future__ import annotations

import gzip
import hashlib
import mimetypes
from dataclasses import dataclass
from importlib.resources import files
from importlib.resources.abc import Traversable

from quart import Response, request
from quart_trio import QuartTrio
from werkzeug.exceptions import NotFound as NoSuchFile

PREFIX = "/admin/static"
KEPT = "public, max-age=31536000, immutable"
SMALLEST = 500
"""Bytes below which compressing is no gain."""


@dataclass(frozen=True)
class Asset:
    """A file as it is sent."""

    body: bytes
    compressed: bytes | None
    media_type: str
    tag: str


class Assets:
    """All files of the static folder."""

    def __init__(self) -> None:
        self._files = dict(_found(files("ops.api.cockpit").joinpath("static"), ""))

    def address(self, name: str) -> str:
        """Return where a file is; another content has another address."""
        return f"{PREFIX}/{name}?v={self._files[name].tag}"

    def answer(self, name: str) -> Response:
        """Return a file; who asks for it by its tag may keep it."""
        if (asset := self._files.get(name)) is None:
            raise NoSuchFile
        zipped = asset.compressed is not None and "gzip" in request.headers.get("Accept-Encoding", "")
        response = Response(asset.compressed if zipped and asset.compressed else asset.body)
        response.headers["Content-Type"] = asset.media_type
        response.headers["Vary"] = "Accept-Encoding"
        response.headers["Cache-Control"] = KEPT if request.args.get("v") == asset.tag else "no-cache"
        if zipped:
            response.headers["Content-Encoding"] = "gzip"
        return response


def serve_assets(app: QuartTrio) -> Assets:
    """Serve them; templates name them by `asset("cockpit.css")`."""
    assets = Assets()
    app.jinja_env.globals["asset"] = assets.address

    @app.get(f"{PREFIX}/<path:name>")
    async def static_file(name: str) -> Response:
        return assets.answer(name)

    return assets


def compressed(body: bytes) -> bytes | None:
    """Return a smaller form, when there is one. The same content gives the same bytes."""
    smaller = gzip.compress(body, mtime=0) if len(body) >= SMALLEST else body
    return smaller if len(smaller) < len(body) else None


def _found(folder: Traversable, under: str) -> list[tuple[str, Asset]]:
    found: list[tuple[str, Asset]] = []
    for entry in folder.iterdir():
        name = under + entry.name
        if entry.is_dir():
            found += _found(entry, f"{name}/")
        else:
            found.append((name, _asset(name, entry.read_bytes())))
    return found


def _asset(name: str, body: bytes) -> Asset:
    media_type = mimetypes.guess_type(name)[0] or "application/octet-stream"
    text = media_type.startswith("text/") or media_type.endswith(("javascript", "xml"))
    tag = hashlib.sha256(body).hexdigest()[:12]
    return Asset(body, compressed(body), f"{media_type}; charset=utf-8" if text else media_type, tag)
