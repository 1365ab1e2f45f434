"""The ceremonies of WebAuthn: what a browser is asked for, and whether its answer proves anything.

A challenge is in the browser's cookie and counts once, in whatever copy of that cookie: its digest
is spent in the counters that all processes share.  Every passkey has to know its user (by a finger,
a face or a PIN), so that it is two factors in one.
"""

import json
import secrets
import time
from collections.abc import Sequence
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from flask import current_app, request, session

from app.domain.ground.errors import Invalid
from app.domain.ground.vocabulary import Json
from app.domain.office import ways_in
from app.domain.office.sign_ins import digest
from app.extensions import the_settings
from app.models import Passkey, User
from app.web import doorkeeper

#: So long somebody may look for the finger that fits, in seconds.
CHALLENGE_S = 300
_KEY = "passkey"
_UNFIT = "That passkey could not be checked. Try again."


class Made(NamedTuple):
    """What is kept of a new passkey; bytes in URL-safe Base64."""

    credential_id: str
    public_key: str
    sign_count: int


def options_to_make(user: User, has: Sequence[Passkey]) -> Json:
    """What the browser is asked for, to make a passkey of this person."""
    import webauthn
    from webauthn.helpers import base64url_to_bytes, structs

    asked = webauthn.generate_registration_options(
        rp_id=_place()[0],
        rp_name="Ampdesk",
        user_id=digest(f"passkeys of {user.id} {current_app.secret_key!s}")[:32].encode(),
        user_name=user.email,
        user_display_name=user.name,
        challenge=_new_challenge("make"),
        authenticator_selection=structs.AuthenticatorSelectionCriteria(
            resident_key=structs.ResidentKeyRequirement.REQUIRED,
            user_verification=structs.UserVerificationRequirement.REQUIRED,
        ),
        exclude_credentials=[
            structs.PublicKeyCredentialDescriptor(id=base64url_to_bytes(one.credential_id))
            for one in has
        ],
    )
    return _plain(webauthn.options_to_json(asked))


def made(credential: Any) -> Made:
    """Look at a new passkey; raises `Invalid`."""
    import webauthn
    from webauthn.helpers import bytes_to_base64url
    from webauthn.helpers.exceptions import WebAuthnException

    challenge, (place, origin) = _spent_challenge("make"), _place()
    try:
        seen = webauthn.verify_registration_response(
            credential=credential,
            expected_challenge=challenge,
            expected_rp_id=place,
            expected_origin=origin,
            require_user_verification=True,
        )
    except (WebAuthnException, ValueError, TypeError, KeyError, AttributeError):
        raise Invalid(_UNFIT) from None
    return Made(
        bytes_to_base64url(seen.credential_id),
        bytes_to_base64url(seen.credential_public_key),
        seen.sign_count,
    )


def options_to_use() -> Json:
    """What the browser is asked for, to sign in with a passkey that it finds itself."""
    import webauthn
    from webauthn.helpers.structs import UserVerificationRequirement

    asked = webauthn.generate_authentication_options(
        rp_id=_place()[0],
        challenge=_new_challenge("use"),
        user_verification=UserVerificationRequirement.REQUIRED,
    )
    return _plain(webauthn.options_to_json(asked))


def used(credential: Any, passkey: Passkey) -> int:
    """Look at the answer of a passkey; returns its counter, raises `Invalid`."""
    import webauthn
    from webauthn.helpers import base64url_to_bytes
    from webauthn.helpers.exceptions import WebAuthnException

    challenge, (place, origin) = _spent_challenge("use"), _place()
    try:
        seen = webauthn.verify_authentication_response(
            credential=credential,
            expected_challenge=challenge,
            expected_rp_id=place,
            expected_origin=origin,
            credential_public_key=base64url_to_bytes(passkey.public_key),
            # The counter is held against the row, by `ways_in.use_passkey`.
            credential_current_sign_count=0,
            require_user_verification=True,
        )
    except (WebAuthnException, ValueError, TypeError, KeyError, AttributeError):
        raise Invalid(_UNFIT) from None
    return seen.new_sign_count


def credential_in(body: Any) -> tuple[Any, str]:
    """Return the credential that a request brings, and its id; raises `Invalid`."""
    credential = body.get("credential") if isinstance(body, dict) else None
    number = credential.get("id") if isinstance(credential, dict) else None
    if not isinstance(number, str) or not 0 < len(number) <= 1400:
        raise Invalid(ways_in.UNKNOWN_PASSKEY)
    return credential, number


def _place() -> tuple[str, str]:
    """Where passkeys count: the host, and the origin of our pages."""
    where = urlsplit(the_settings().public_url or request.host_url)
    return where.hostname or "", f"{where.scheme}://{where.netloc}"


def _new_challenge(what: str) -> bytes:
    challenge = secrets.token_urlsafe(32)
    session[_KEY] = [challenge, what, int(time.time())]
    return challenge.encode()


def _spent_challenge(what: str) -> bytes:
    challenge, of, at = session.pop(_KEY, None) or ("", "", 0)
    fresh = of == what and 0 <= time.time() - at <= CHALLENGE_S
    once = doorkeeper.share("1/10 minutes", "challenge", digest(challenge))
    if not fresh or not doorkeeper.spend([once]):
        raise Invalid("That took too long. Try again.")
    return str(challenge).encode()


def _plain(text: str) -> Json:
    told: Json = json.loads(text)
    return told
