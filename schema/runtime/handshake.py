"""A handshake and nothing else, to learn what the clients of PostgreSQL and Kafka keep to themselves. Asyncio."""

from __future__ import annotations

import asyncio
import ssl

from schema.runtime.tls_trouble import NO_ANSWER, SPEAKS_TLS

WITHIN_S = 2.0
_ALERT_WITHIN_S = 1.0
_SSL_REQUEST = (8).to_bytes(4) + (80877103).to_bytes(4)
"""PostgreSQL's clients ask before the first byte of TLS; the answer is S or N: its manual, "SSL Session Encryption"."""


class HandshakeError(Exception):
    """What a handshake showed that is no error of TLS itself."""


async def handshake_error(
    host: str, port: int, context: ssl.SSLContext | None, *, at: str = "", postgres: bool = False
) -> Exception | None:
    """Shake hands as a client with this context would; without one, see whether the server wants TLS.

    Args:
        host: its name, which its certificate must have.
        port: where it listens.
        context: what its certificate is checked with.
        at: its address, where that is given beside the name.
        postgres: whether it waits to be asked for TLS first.

    Returns:
        Why it fails, for `tls_trouble`; None, where TLS is not what keeps us from the server.
    """
    try:
        async with asyncio.timeout(WITHIN_S):
            reader, writer = await asyncio.open_connection(at or host, port)
    except (OSError, TimeoutError, ValueError):  # the last: a name that no resolver takes
        return None
    error: Exception
    try:
        async with asyncio.timeout(WITHIN_S):
            if postgres and not await _offers_tls(reader, writer):
                return None  # libpq says it
            await writer.start_tls(context or unchecked(), server_hostname=host)
    except (ssl.SSLEOFError, ssl.SSLZeroReturnError):
        error = HandshakeError(NO_ANSWER)
    except ssl.SSLError as exc:
        error = exc
    except (OSError, EOFError, TimeoutError):
        error = HandshakeError(NO_ANSWER)
    except ValueError:
        return None
    else:
        return await _late_alert(reader) if context else HandshakeError(SPEAKS_TLS)
    finally:
        writer.transport.abort()
    return error if context else None


async def _late_alert(reader: asyncio.StreamReader) -> Exception | None:
    """In TLS 1.3 a server that misses our certificate says so after the handshake."""
    try:
        async with asyncio.timeout(_ALERT_WITHIN_S):
            await reader.read(1)
    except ssl.SSLError as exc:
        return exc
    except (OSError, EOFError, TimeoutError):
        return None
    return None


async def _offers_tls(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
    writer.write(_SSL_REQUEST)
    return await reader.read(1) == b"S"


def unchecked() -> ssl.SSLContext:
    """A context that takes every server: nothing is sent to it."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context
