from __future__ import annotations

import pytest

from sender.graph.http.origin import Origin


@pytest.mark.parametrize(
    ("url", "origin", "authority"),
    [
        ("https://Graph.Facebook.com", Origin(True, "graph.facebook.com", 443), "graph.facebook.com:443"),
        ("http://127.0.0.1:4000/v26.0", Origin(False, "127.0.0.1", 4000), "127.0.0.1:4000"),
        ("http://[::1]", Origin(False, "::1", 80), "[::1]:80"),
    ],
)
def test_an_origin_comes_from_a_url(url: str, origin: Origin, authority: str) -> None:
    assert Origin.from_url(url) == origin
    assert origin.authority == authority


@pytest.mark.parametrize(
    "url", ["ftp://host", "graph.facebook.com", "https://", "https://bücher.example", "http://host:99999"]
)
def test_what_is_no_http_address_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match=r"http|range"):
        Origin.from_url(url)
