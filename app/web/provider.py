"""The organisation's own sign-in: the code flow of OpenID Connect with PKCE, state and nonce.

State, nonce and verifier are in the signed cookie of the browser that began, and are taken out of
it by the first return.  What the provider is (its addresses and keys) is asked for once an hour,
and its keys anew when a token names one that is not among them.
"""

import json
import secrets
import time
from base64 import b64encode
from http.client import HTTPException
from typing import Any
from urllib.error import URLError
from urllib.parse import quote_plus, urlencode, urlsplit
from urllib.request import HTTPRedirectHandler, Request, build_opener

from flask import current_app, request, session, url_for

from app.config import Settings
from app.domain.ground.errors import Invalid
from app.domain.ground.vocabulary import Json
from app.domain.office.ways_in import Vouched
from app.extensions import db, the_settings

#: So long somebody may take to sign in at the provider, in seconds.
PATIENCE_S = 600
#: For so long is kept what the provider is, in seconds.
KEPT_S = 3600.0
#: The provider's clock may be off by so much, in seconds.
LEEWAY_S = 60
_ANSWER_S, _MOST_BYTES = 10, 1024 * 1024
#: Signatures by a key that the provider publishes; never one made with a shared secret.
_ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512")
_KEY = "provider"
_LATE = "That took too long, or was begun in another browser. Try again."
_AWAY = (
    "Your organisation’s sign-in is not answering as it should. Try again, or use your password."
)


class _NoWayOn(HTTPRedirectHandler):
    """Addresses come from the provider's document and are taken as they are."""

    def redirect_request(self, *_arguments: Any) -> None:
        """Follow nobody."""


def settings() -> Settings | None:
    """The settings, where there is a provider."""
    found = the_settings()
    return found if found.oidc_issuer and found.oidc_client_id else None


def begin(chosen: Settings, wish: str) -> str:
    """Return the address at which the provider asks who it is; raises `Invalid`."""
    from authlib.common.urls import add_params_to_uri
    from authlib.oauth2.rfc7636 import create_s256_code_challenge

    state, nonce, verifier = (secrets.token_urlsafe(32) for _ in range(3))
    session[_KEY] = [state, nonce, verifier, wish, int(time.time())]
    asked = {
        "response_type": "code",
        "client_id": chosen.oidc_client_id,
        "redirect_uri": _return_address(chosen),
        "scope": "openid email profile",
        "state": state,
        "nonce": nonce,
        "code_challenge": create_s256_code_challenge(verifier),
        "code_challenge_method": "S256",
    }
    where = _discovered(chosen)["authorization_endpoint"]
    return str(add_params_to_uri(where, asked.items()))


def finish(chosen: Settings) -> tuple[Vouched, str]:
    """Return whom the provider vouches for, and where they wanted to go; raises `Invalid`."""
    state, nonce, verifier, wish, at = session.pop(_KEY, None) or ("", "", "", "", 0)
    fresh = 0 <= time.time() - at <= PATIENCE_S
    if not fresh or not secrets.compare_digest(str(state), request.args.get("state", "")):
        raise Invalid(_LATE)
    if (code := request.args.get("code")) is None:
        raise Invalid("Your organisation’s sign-in did not let you in.")
    found = _discovered(chosen)
    tokens = _tokens(chosen, found, code, verifier)
    claims = _claims(chosen, found, tokens, nonce)
    if "email" not in claims and "userinfo_endpoint" in found:
        bearer = {"Authorization": f"Bearer {tokens.get('access_token')}"}
        more = _asked(Request(found["userinfo_endpoint"], headers=bearer))
        claims = {**more, **claims} if more.get("sub") == claims["sub"] else claims
    said = Vouched(
        issuer=str(claims["iss"])[:300],
        subject=str(claims["sub"])[:255],
        email=str(claims.get("email") or ""),
        verified=claims.get("email_verified") in (True, "true"),
        name=str(claims.get("name") or "")[:120],
    )
    return said, str(wish)


def _return_address(chosen: Settings) -> str:
    base = (chosen.public_url or request.host_url).rstrip("/")
    return f"{base}{url_for('provider.finish')}"


def _discovered(chosen: Settings) -> Json:
    issuer = chosen.oidc_issuer.rstrip("/")
    found = _kept(f"{issuer}/.well-known/openid-configuration")
    if str(found.get("issuer")).rstrip("/") != issuer:
        raise Invalid(_AWAY)
    safe = urlsplit(issuer).scheme
    for name in ("authorization_endpoint", "token_endpoint", "jwks_uri"):
        if urlsplit(str(found.get(name))).scheme not in {safe, "https"}:
            raise Invalid(_AWAY)
    return found


def _tokens(chosen: Settings, found: Json, code: str, verifier: str) -> Json:
    body = {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": _return_address(chosen),
        "code_verifier": verifier,
    }
    headers = {}
    ways = found.get("token_endpoint_auth_methods_supported") or ["client_secret_basic"]
    if chosen.oidc_client_secret and "client_secret_basic" in ways:
        parts = (quote_plus(part) for part in (chosen.oidc_client_id, chosen.oidc_client_secret))
        headers["Authorization"] = f"Basic {b64encode(':'.join(parts).encode()).decode()}"
    else:
        body["client_id"] = chosen.oidc_client_id
        if chosen.oidc_client_secret:
            body["client_secret"] = chosen.oidc_client_secret
    asked = Request(found["token_endpoint"], urlencode(body).encode(), headers)
    return _asked(asked)


def _claims(chosen: Settings, found: Json, tokens: Json, nonce: str) -> Json:
    """What the ID token says, once its signature and its claims were looked at."""
    from authlib.oidc.core import CodeIDToken
    from joserfc.errors import JoseError

    wanted = {
        "iss": {"essential": True, "value": found["issuer"]},
        "aud": {"essential": True, "value": chosen.oidc_client_id},
    }
    more = {"nonce": nonce, "client_id": chosen.oidc_client_id}
    try:
        token = _signed(str(tokens.get("id_token")), found["jwks_uri"])
        claims = CodeIDToken(
            token.claims, token.header, wanted, {**more, "access_token": tokens.get("access_token")}
        )
        claims.validate(leeway=LEEWAY_S)
    except (JoseError, ValueError, TypeError, KeyError) as error:
        current_app.logger.warning("an ID token is refused: %s", error)
        raise Invalid("What your organisation’s sign-in answered could not be verified.") from None
    return dict(claims)


def _signed(text: str, keys: str) -> Any:
    from joserfc import jwt
    from joserfc.errors import JoseError
    from joserfc.jwk import KeySet

    try:
        return jwt.decode(text, KeySet.import_key_set(_kept(keys)), algorithms=_ALGORITHMS)  # type: ignore[arg-type]
    except (JoseError, ValueError):
        # Providers change their keys: perhaps ours are the old ones.
        fresh = _kept(keys, anew=True)
    return jwt.decode(text, KeySet.import_key_set(fresh), algorithms=_ALGORITHMS)  # type: ignore[arg-type]


def _kept(url: str, *, anew: bool = False) -> Json:
    kept: dict[str, tuple[float, Json]] = current_app.extensions.setdefault("provider", {})
    at, found = kept.get(url, (0.0, {}))
    if anew or not found or time.monotonic() - at > KEPT_S:
        found = _asked(Request(url))
        kept[url] = (time.monotonic(), found)
    return found


def _asked(asked: Request) -> Json:
    """Ask the provider; raises `Invalid` when it answers with anything but an object."""
    db.session.rollback()  # whoever waits for others holds no connection meanwhile
    asked.add_header("Accept", "application/json")
    try:
        with build_opener(_NoWayOn).open(asked, timeout=_ANSWER_S) as answer:
            found = json.loads(answer.read(_MOST_BYTES))
    except (URLError, HTTPException, OSError, ValueError) as error:
        current_app.logger.warning("the provider of sign-ins does not answer: %s", error)
        raise Invalid(_AWAY) from None
    if not isinstance(found, dict):
        raise Invalid(_AWAY)
    return found
