"""The Graph API: whether this machine reaches it, and how long that takes. Nothing is sent."""

from __future__ import annotations

import time
from pathlib import Path

import httpx

from ops.doctor.finding import Finding
from schema.runtime.logging import without_secrets
from sender.graph.http.dial import tls_context
from sender.graph.http.pool import Pool
from sender.graph.http.proxy import ProxySettings
from sender.settings import SenderSettings

PART = "graph api"


async def check_graph(settings: SenderSettings) -> list[Finding]:
    """Ask it something without a token, the way senders go; any answer will do."""
    ca_file = settings.graph_ca_file
    tls = tls_context(Path(ca_file) if ca_file else None)
    began_s = time.monotonic()
    try:
        pool = Pool(max_sockets=1, tls=tls, proxy=ProxySettings.from_environment())
        async with httpx.AsyncClient(transport=pool) as client:
            answer = await client.head(f"{settings.graph_api_url}/{settings.graph_api_version}/")
    except (httpx.TransportError, ValueError) as exc:  # a ValueError: HTTPS_PROXY cannot be read
        return [Finding(PART, "fail", without_secrets(str(exc)), "check GRAPH_API_URL, HTTPS_PROXY and GRAPH_CA_FILE")]
    took_ms = (time.monotonic() - began_s) * 1000
    where = without_secrets(settings.graph_api_url)
    return [Finding(PART, "ok", f"{where} answers ({answer.status_code}) in {took_ms:.0f} ms")]
