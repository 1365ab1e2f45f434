"""Headers: whose word about the address counts, and what protects every answer."""

import ipaddress
from typing import Any

from flask import Response
from werkzeug.middleware.proxy_fix import ProxyFix

from app.domain.ground import texts

#: A letter is shown as a mail program would: no scripts, nothing fetched, no way out.
LETTER_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; "
    "form-action 'none'; base-uri 'none'; frame-ancestors 'self'; sandbox"
)


class TrustedProxyFix:
    """Believe X-Forwarded-* only from the configured networks."""

    def __init__(self, inner: Any, networks: tuple[str, ...]) -> None:
        self.plain = inner
        self.fixed = ProxyFix(inner, x_for=1, x_proto=1, x_host=1)
        self.networks = [ipaddress.ip_network(network) for network in networks]

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Any:
        """Pass the request on, corrected where its sender may be believed."""
        address = texts.ip_address(environ.get("REMOTE_ADDR"))
        trusted = address is not None and any(address in network for network in self.networks)
        return (self.fixed if trusted else self.plain)(environ, start_response)


def protection(nonce: str = "", *, secure: bool, images: str = "") -> dict[str, str]:
    """The headers that protect every answer.

    `nonce` is that of its scripts and styles, if any; `images` an origin of more images.
    """
    own = f"'self' 'nonce-{nonce}'" if nonce else "'self'"
    pictures = " ".join(filter(None, ("'self'", "data:", images)))
    headers = {
        "Content-Security-Policy": f"default-src 'self'; script-src {own}; style-src {own}; "
        f"img-src {pictures}; object-src 'none'; base-uri 'none'; frame-ancestors 'none'; "
        "form-action 'self'",
        "X-Content-Type-Options": "nosniff",
        "X-Frame-Options": "DENY",
        "Referrer-Policy": "same-origin",
        "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
    }
    return headers | {"Strict-Transport-Security": "max-age=31536000"} if secure else headers


def framed(html: str) -> Response:
    """Somebody's HTML, for a frame of our own page and nothing else."""
    response = Response(html, mimetype="text/html")
    response.headers["Content-Security-Policy"] = LETTER_POLICY
    response.headers["X-Frame-Options"] = "SAMEORIGIN"
    return response
