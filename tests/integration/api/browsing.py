"""What a browser does of itself: keeps cookies, fills a form in, and says that it comes from the same site."""

from __future__ import annotations

import re

import httpx

PASSWORD = "a long enough secret"
OURS = {"Sec-Fetch-Site": "same-origin"}
BROWSER = {"Accept": "text/html,application/xhtml+xml", "Sec-Fetch-Mode": "navigate"}


async def sign_in(client: httpx.AsyncClient, name: str, password: str, **fields: str) -> httpx.Response:
    """Fill the form of the sign-in page in, and send it."""
    client.headers["Host"] = "localhost"
    page = await client.get("/admin/sign-in")
    csrf = re.search(r'name="csrf" value="([^"]+)"', page.text)
    assert csrf is not None
    form = {"csrf": csrf[1], "name": name, "password": password, **fields}
    return await client.post("/admin/sign-in", data=form, headers=OURS)
