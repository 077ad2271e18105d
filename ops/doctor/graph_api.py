"""The Graph API: whether this machine reaches it, and how long that takes. Nothing is sent."""

from __future__ import annotations

import time
from pathlib import Path

import httpx

from ops.doctor.finding import Finding
from schema.runtime.logging import without_secrets
from sender.graph.http.dial import tls_context
from sender.settings import SenderSettings

PART = "graph api"


async def check_graph(settings: SenderSettings) -> list[Finding]:
    """Ask it something without a token; any answer will do. Errors: httpx.HTTPError."""
    ca_file = settings.graph_ca_file
    began_s = time.monotonic()
    async with httpx.AsyncClient(verify=tls_context(Path(ca_file) if ca_file else None)) as client:
        answer = await client.head(f"{settings.graph_api_url}/{settings.graph_api_version}/")
    took_ms = (time.monotonic() - began_s) * 1000
    where = without_secrets(settings.graph_api_url)
    return [Finding(PART, "ok", f"{where} answers ({answer.status_code}) in {took_ms:.0f} ms")]
