"""Where `newar api` listens: all that its health check needs to know."""

from __future__ import annotations

from pydantic import Field

from schema.runtime.settings import Settings


class ListeningSettings(Settings):
    """An address of this machine."""

    api_host: str = Field(default="127.0.0.1", description="address that the HTTP service listens on")
    api_port: int = Field(default=3100, ge=0, le=65535, description="its port; 0 takes a free one")
