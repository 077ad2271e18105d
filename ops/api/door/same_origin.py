"""Whether a browser sends a request because of a page of ours, or because of somebody else's. Pure."""

from __future__ import annotations

import hashlib
import hmac
from base64 import urlsafe_b64encode
from urllib.parse import urlsplit

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
"""They change nothing, so that anybody may make a browser send them."""
_DEFAULT_PORTS = {"http": ":80", "https": ":443"}


def foreign(sec_fetch_site: str | None, origin: str | None, host: str | None) -> bool | None:
    """Tell whether another site made the browser send this; None: it does not say (no browser, or an old one).

    What browsers say of it cannot be set by a page: https://fetch.spec.whatwg.org/#origin-header and
    https://www.w3.org/TR/fetch-metadata/.
    """
    if sec_fetch_site is not None:
        return sec_fetch_site not in ("same-origin", "none")
    if origin is None:
        return None
    return _place(origin) is None or _place(origin) != _bare(host or "", origin.partition(":")[0])


def proof(key: bytes) -> str:
    """Return the CSRF token that belongs to what a cookie (or Basic) holds: only pages of ours can know it."""
    return urlsafe_b64encode(hmac.digest(key, b"newar csrf", hashlib.sha256)).decode().rstrip("=")


def proves(token: str | None, key: bytes) -> bool:
    """Tell whether this is the CSRF token of that key."""
    return token is not None and hmac.compare_digest(token.encode("utf-8", "surrogatepass"), proof(key).encode())


def _place(origin: str) -> str | None:
    try:
        parts = urlsplit(origin)
    except ValueError:
        return None
    return _bare(parts.netloc, parts.scheme) or None


def _bare(netloc: str, scheme: str) -> str:
    return netloc.lower().removesuffix(_DEFAULT_PORTS.get(scheme, ":"))
