"""Logging in at the broker and nothing else, to learn what aiokafka keeps to itself: "Unable to bootstrap". Asyncio."""

from __future__ import annotations

import asyncio
import ssl
from typing import Any

from aiokafka.conn import create_conn
from aiokafka.errors import IllegalSaslStateError, KafkaConnectionError, KafkaError
from aiokafka.protocol.metadata import MetadataRequest

_WITHIN_S = 4.0


async def login_error(servers: list[tuple[str, int]], options: dict[str, Any]) -> Exception | None:
    """Return why the first of these servers that answers does not take us, for `kafka_refusal`; None: none says so.

    Args:
        servers: host and port of each.
        options: those of an aiokafka client.
    """
    options = {name: value for name, value in options.items() if name != "bootstrap_servers"}
    for host, port in servers:
        try:
            async with asyncio.timeout(_WITHIN_S):
                connection = await create_conn(host, port, client_id="newar", **options)
        except (OSError, ssl.SSLError, TimeoutError, KafkaConnectionError):
            continue
        except KafkaError as exc:
            refused: Exception = exc
            return refused
        try:
            async with asyncio.timeout(_WITHIN_S):
                await connection.send(MetadataRequest([]))
        except (KafkaError, OSError, TimeoutError):
            return None if "sasl_mechanism" in options else IllegalSaslStateError("closed at the first question")
        finally:
            connection.close()
        return None
    return None
