"""A small real provider of OpenID Connect: it knows one person and asks for no password.

Real HTTP, real signatures; it holds its client to the code flow with PKCE.  What a test wants to be
wrong it sets: `claims` are laid over those of the ID token, `header` over its header.
"""

import base64
import hashlib
import json
import secrets
import threading
import time
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, unquote_plus, urlencode, urlsplit

from joserfc import jwt
from joserfc.jwk import KeySet, RSAKey

ID, SECRET = "ampdesk", "a secret: of the client"


def new_key() -> RSAKey:
    """A key to sign with."""
    key = RSAKey.generate_key(2048, auto_kid=True)
    key.ensure_kid()
    return key


@dataclass
class Provider:
    """Listens at a loopback port until it is left."""

    person: dict[str, Any]
    claims: dict[str, Any] = field(default_factory=dict)
    key: RSAKey = field(default_factory=new_key)
    #: What is signed with, where that is not what is published.
    signs_with: RSAKey | None = None
    in_token: bool = True
    asked: list[str] = field(default_factory=list)
    _codes: dict[str, dict[str, str]] = field(default_factory=dict)

    def __enter__(self) -> "Provider":
        provider = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                where = urlsplit(self.path)
                provider.asked.append(where.path)
                provider.get(self, where.path, dict(parse_qsl(where.query)))

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"])).decode()
                provider.asked.append(self.path)
                provider.token(self, dict(parse_qsl(body)))

            def log_message(self, *_: Any) -> None:
                """Say nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.issuer = f"http://127.0.0.1:{self.server.server_port}/realm"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.server.shutdown()
        self.server.server_close()

    def get(self, to: BaseHTTPRequestHandler, path: str, query: dict[str, str]) -> None:
        """Answer what is fetched."""
        if path == "/realm/authorize":
            assert query["response_type"] == "code"
            assert query["code_challenge_method"] == "S256"
            code = secrets.token_urlsafe(16)
            self._codes[code] = query
            back = urlencode({"code": code, "state": query["state"]})
            to.send_response(302)
            to.send_header("Location", f"{query['redirect_uri']}?{back}")
            to.end_headers()
        elif path == "/realm/.well-known/openid-configuration":
            _tell(to, 200, self._document())
        elif path == "/realm/keys":
            _tell(to, 200, KeySet([self.key]).as_dict(private=False))
        elif to.headers["Authorization"] == "Bearer access":
            _tell(to, 200, self.person)

    def token(self, to: BaseHTTPRequestHandler, body: dict[str, str]) -> None:
        """Change a code for tokens, once, for the client that asked and knows the verifier."""
        asked = self._codes.pop(body["code"], None)
        name, _, secret = (
            base64.b64decode(to.headers["Authorization"].removeprefix("Basic ")).decode()
        ).partition(":")
        digest = hashlib.sha256(body["code_verifier"].encode()).digest()
        challenge = base64.urlsafe_b64encode(digest).decode().rstrip("=")
        good = (
            asked is not None
            and (unquote_plus(name), unquote_plus(secret)) == (ID, SECRET)
            and body["redirect_uri"] == asked["redirect_uri"]
            and challenge == asked["code_challenge"]
        )
        if not good or asked is None:
            return _tell(to, 400, {"error": "invalid_grant"})
        now = int(time.time())
        told = self.person if self.in_token else {"sub": self.person["sub"]}
        claims = {
            "iss": self.issuer, "aud": ID, "iat": now, "exp": now + 300, "nonce": asked["nonce"],
            **told, **self.claims,
        }  # fmt: skip
        key = self.signs_with or self.key
        signed = jwt.encode({"alg": "RS256", "kid": key.kid}, claims, key)
        _tell(to, 200, {"access_token": "access", "token_type": "Bearer", "id_token": signed})

    def _document(self) -> dict[str, Any]:
        return {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.issuer}/authorize",
            "token_endpoint": f"{self.issuer}/token",
            "userinfo_endpoint": f"{self.issuer}/userinfo",
            "jwks_uri": f"{self.issuer}/keys",
        }


def _tell(to: BaseHTTPRequestHandler, status: int, what: object) -> None:
    to.send_response(status)
    to.send_header("Content-Type", "application/json")
    to.end_headers()
    to.wfile.write(json.dumps(what).encode())
