"""An OpenID provider that signs what a test tells it to: discovery, keys and a token endpoint that checks PKCE."""

from __future__ import annotations

import base64
import hashlib
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from joserfc import jwt
from joserfc.jwk import OctKey, RSAKey

CLIENT = "newar"
SECRET = "the clients secret"
KEY = RSAKey.generate_key(2048, {"kid": "one"})


class Provider:
    """What it knows, and what it will say next."""

    def __init__(self) -> None:
        self.key = KEY
        self.signed_by: RSAKey | OctKey = self.key
        self.claims: dict[str, Any] = {}
        """These are put over what is right; None: it is left out."""
        self.header: dict[str, Any] = {"alg": "RS256", "kid": "one"}
        self.unsigned = False
        self.issuer = ""
        self.asked: dict[str, str] = {}
        """The query by which a browser came."""
        self.codes: list[str] = []

    def come(self, address: str) -> dict[str, str]:
        """Do as a browser that was sent here, and signs in: return what it is sent back with."""
        assert address.startswith(f"{self.issuer}/authorize?")
        self.asked = {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}
        self.codes = ["code"]
        return {"code": "code", "state": self.asked["state"]}

    def token(self, form: dict[str, str], authorization: str) -> dict[str, Any] | None:
        """Return the answer to a code; None: it is refused."""
        challenge = (
            base64.urlsafe_b64encode(hashlib.sha256(form["code_verifier"].encode()).digest()).decode().rstrip("=")
        )
        basic = base64.b64encode(f"{CLIENT}:{SECRET.replace(' ', '%20')}".encode()).decode()
        right = challenge == self.asked["code_challenge"] and form["redirect_uri"] == self.asked["redirect_uri"]
        if not right or authorization != f"Basic {basic}" or form["code"] not in self.codes:
            return None
        self.codes.remove(form["code"])
        return {"access_token": "x", "token_type": "Bearer", "id_token": self.id_token()}

    def id_token(self) -> str:
        now = int(time.time())
        right = {"iss": self.issuer, "aud": CLIENT, "sub": "42", "iat": now, "exp": now + 300}
        claims = {**right, "nonce": self.asked["nonce"], "email": "ana@example.com", "groups": ["team"], **self.claims}
        claims = {name: value for name, value in claims.items() if value is not None}
        if self.unsigned:
            parts = ({"alg": "none"}, claims)
            return ".".join(base64.urlsafe_b64encode(json.dumps(p).encode()).decode().rstrip("=") for p in parts) + "."
        return jwt.encode(self.header, claims, self.signed_by, algorithms=[self.header["alg"]])


@contextmanager
def openid_provider() -> Iterator[Provider]:
    """Serve one on a free port."""
    provider = Provider()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.path == "/.well-known/openid-configuration":
                places = {f"{name}_endpoint": f"{provider.issuer}/{path}" for name, path in _PLACES}
                self._say({"issuer": provider.issuer, "jwks_uri": f"{provider.issuer}/keys", **places})
            elif self.path == "/keys":
                self._say({"keys": [provider.key.as_dict(private=False)]})
            else:
                self._say({}, 404)

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            form = {name: values[0] for name, values in parse_qs(body).items()}
            answer = provider.token(form, self.headers.get("Authorization", ""))
            self._say(answer or {"error": "invalid_grant"}, 200 if answer else 400)

        def _say(self, answer: dict[str, Any], status: int = 200) -> None:
            body = json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *words: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        provider.issuer = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield provider
        server.shutdown()
        thread.join()


_PLACES = (("authorization", "authorize"), ("token", "token"))
