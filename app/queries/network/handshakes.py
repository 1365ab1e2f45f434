"""What the API tells of a station's attempts to connect."""

from sqlalchemy import Select, func, or_, select
from sqlalchemy.orm import Session

from app.models import HandshakeAttempt, Station, Tenant


def handshakes(db: Session, station: Station) -> Select[HandshakeAttempt]:
    """Select the attempts made as this station, in no order yet.

    Attempts that were refused before the station was known name only an identity;
    they are told while the installation has a single tenant.
    """
    own = HandshakeAttempt.station_id == station.id
    if db.scalar(select(func.count(Tenant.id))) == 1:
        named = func.lower(HandshakeAttempt.identity) == station.identity.lower()
        own = or_(own, HandshakeAttempt.station_id.is_(None) & named)
    return select(HandshakeAttempt).where(own)


# What to do about a refused connection: reason code -> the fix in words.

FIXES: dict[str, str] = {
    "no_identity": "Type the whole URL into the charger, its identity at the end.",
    "bad_identity": "Type the identity as it stands here; check for odd characters in the URL.",
    "identity_too_long": "Give the charger a shorter identity.",
    "unknown_identity": "Register this identity, or correct it in the charger.",
    "not_allowed": "Add this address to the station’s allowed networks (Edit, Quirks).",
    "blocked": "Accept its registration on this page, if it is to come back.",
    "archived": "Restore it, if it is to come back.",
    "no_credentials": "Type the user name and the password into the charger, and choose "
    "security profile 1.",
    "bad_credentials_form": "Choose HTTP Basic authentication in the charger.",
    "wrong_username": "The user name is the identity; or fill in “User name it sends” here.",
    "wrong_password": "Type the password again, without blanks; or make a new one here.",
    "throttled": "Correct the password, then wait a minute: the right one always gets in.",
    "restless": "Look at why the charger drops its connections: its log and Messages here tell.",
    "unfinished": "Compare the charger’s URL: wss:// for the TLS port, ws:// for the plain one.",
    "not_websocket": "A proxy on the way does not pass WebSocket on: let it send Upgrade headers.",
    "no_subprotocol": "Choose OCPP 1.6J in the charger; or let Ampdesk assume it, under Quirks.",
    "no_common_subprotocol": "Choose OCPP 1.6, 2.0.1 or 2.1 in the charger.",
    "other_version": "Choose the pinned version in the charger; or lift the pin, under Quirks.",
    "no_tls": "Give the charger the wss:// address; or choose security profile 1 here.",
    "no_certificate": "Let the charger connect with its certificate (profile 3); or choose "
    "profile 2 here.",
    "wrong_certificate": "Issue it a certificate in its serial number’s or identity’s name; or "
    "enter the name under Quirks.",
    "tls_failed": "Compare the charger’s TLS version, its root certificate and its clock.",
    "overloaded": "Nothing: the charger comes again by itself.",
    "draining": "Nothing: the charger comes again by itself.",
    "unavailable": "See to the database; the charger comes again by itself.",
}


def fix(reason: str) -> str:
    """The fix for a reason; empty when there is none to tell."""
    return FIXES.get(reason, "")
