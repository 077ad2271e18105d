"""Why a connection with TLS, or one that should have it, did not come about, and what to write. Pure.

Only well-known words of the libraries' texts are looked at, and none is passed on: they can hold parts of an address.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

_CHAIN = 4
PUBLIC_AUTHORITIES = "/etc/ssl/certs/ca-certificates.crt"
"""Where Debian keeps the public authorities. libpq's own word for them, `sslrootcert=system`, looks in a folder that
only its builder had: the one that psycopg's wheel brings was built for /usr/lib/psycopg-openssl."""

_CA_FILE = {
    "psycopg": "write sslrootcert=/path/ca.crt in the address, the file of the authority that signed it "
    f"(for a public one {PUBLIC_AUTHORITIES})",
    "redis": "write ?ssl_ca_certs=/path/ca.crt behind the address, the file of the authority that signed it",
    "aiokafka": "set KAFKA_SSL_CAFILE to the file of the authority that signed it",
    "": "give the file of the authority that signed it (sslrootcert=, ?ssl_ca_certs=, KAFKA_SSL_CAFILE, GRAPH_CA_FILE)",
}
_PLAIN = {
    "psycopg": "switch TLS on there, or on a network of your own write sslmode=disable",
    "redis": "write the port that does, or on a network of your own redis://",
    "aiokafka": "write the port that does, or on a network of your own KAFKA_SECURITY_PROTOCOL=PLAINTEXT (with a login "
    "SASL_PLAINTEXT)",
    "": "write the port that does",
}
_WITH_TLS = {
    "psycopg": "write sslmode=verify-full&sslrootcert=/path/ca.crt in the address",
    "redis": "write rediss:// for redis://",
    "aiokafka": "set KAFKA_SECURITY_PROTOCOL=SSL (with a login SASL_SSL)",
    "": "connect with TLS",
}
_CLIENT_CERTIFICATE = {
    "psycopg": "write sslcert=/path/client.crt&sslkey=/path/client.key in the address",
    "redis": "write ?ssl_certfile=/path/client.crt&ssl_keyfile=/path/client.key behind the address",
    "aiokafka": "take a listener that asks for none: with SASL_SSL the login says who we are",
    "": "take an address that asks for none",
}
SPEAKS_TLS = "it speaks TLS on this port, and we do not"
NO_ANSWER = "it takes connections and does not answer the handshake of TLS"

_TROUBLES: list[tuple[str, str, str | Mapping[str, str]]] = [
    (
        r"root certificate file|no.certificate.or.crl.found|could not load system root cert",
        "the file with the authorities' certificates is missing or cannot be read",
        _CA_FILE,
    ),
    (
        r"certificate has expired",
        "the server's certificate has expired",
        "renew it there, or mend this machine's clock",
    ),
    (
        r"certificate is not yet valid",
        "the server's certificate is not valid yet",
        "mend this machine's clock, or the certificate",
    ),
    (
        r"does not match host name|hostname mismatch|ip address mismatch|is not valid for '",
        "the server's certificate is for another name than the address has",
        "write the name that stands in the certificate",
    ),
    (
        r"self-signed certificate|unable to get (local )?issuer|unable to verify the first",
        "the server's certificate is signed by an authority that is not known here",
        _CA_FILE,
    ),
    (
        r"certificate verify failed|certificate_verify_failed",
        "the server's certificate does not stand the check: expired, or signed by an authority that is not known here",
        "see which with newar doctor",
    ),
    (
        r"requires a valid client certificate|certificate authentication failed|certificate.required|handshake.failure",
        "the server wants a certificate of ours, or shares no cipher with us",
        _CLIENT_CERTIFICATE,
    ),
    (
        r"alert.protocol.version|unsupported.protocol|version.too.low|no.protocols.available",
        "the server and this program share no version of TLS",
        "let the server speak TLS 1.2 or 1.3",
    ),
    (
        NO_ANSWER,
        "the server does not answer TLS's handshake: it speaks none on this port, or is not ready",
        _PLAIN,
    ),
    (
        "does not support ssl|wrong.version.number|record.layer.failure|packet length too long",
        "the server does not speak TLS on this port",
        _PLAIN,
    ),
    (
        rf"no encryption\b|, ssl off|ssl (connection )?(is )?required|connection is insecure|{SPEAKS_TLS}",
        "the server takes us only with TLS, and we connect without",
        _WITH_TLS,
    ),
]
_PATTERNS = [(re.compile(pattern, re.IGNORECASE), cause, mend) for pattern, cause, mend in _TROUBLES]


def tls_trouble(error: BaseException) -> str | None:
    """Return the cause and what to write; None: it is no matter of TLS, or nobody can tell."""
    chain = list(_chain(error))
    libraries = (type(e).__module__.partition(".")[0] for e in chain)
    library = next((name for name in libraries if name in _CA_FILE), "")
    text = "\n".join(str(e) for e in chain)
    for pattern, cause, mend in _PATTERNS:
        if pattern.search(text):
            return f"{cause}: {mend if isinstance(mend, str) else mend[library]}"
    return None


def _chain(error: BaseException) -> Iterator[BaseException]:
    seen: BaseException | None = error
    for _ in range(_CHAIN):
        if seen is None:
            return
        yield seen
        seen = seen.__cause__ or seen.__context__
