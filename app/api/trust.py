"""Endpoints: certificates, those who sign them, and contracts."""

from app.api.device.held import CERTIFICATE
from app.api.ground import _lists, _rows
from app.api.ground._noun import Ask, Noun, Reply, finds, made_at
from app.domain.trust import certificates, signing
from app.models import AuthorityCertificate, StationCertificate
from app.schemas import trust as schemas
from app.uow import unit_of_work

noun = Noun("certificates", "Roots, and the certificates of stations.")

AUTHORITY = _rows.answer(
    "AuthorityCertificate",
    "A root that is kept for installing, or the built-in authority’s own. No key is told.",
    AuthorityCertificate,
)


_root = finds(AuthorityCertificate, "certificate")
_certificate = finds(StationCertificate, "certificate")

_lists.hang(
    *(noun, "/authority-certificates", "List roots"),
    "The roots that are kept, in the order in which they came.",
    *(AuthorityCertificate, AUTHORITY),
    name="listed",
    asked=schemas.AuthorityCertificates,
    newest=False,
)
noun.show(
    *("/authority-certificates/{root_id}", "Read a root", "One root.", AUTHORITY, _root),
    name="authority",
)


@noun.post(
    "/authority-certificates",
    "Keep a root",
    body=schemas.NewAuthorityCertificate,
    answers={201: AUTHORITY},
    everywhere=True,
)
def keep(ask: Ask) -> Reply:
    """Keep a root, to be installed at stations by the order install_certificate."""
    with unit_of_work() as db:
        row = signing.keep(db, ask.actor, ask.tenant_id, **ask.body, key_file=None, now=ask.now)
    return made_at("/authority-certificates", row)


noun.decide(
    "/authority-certificates/{root_id}/archive",
    "Archive a root",
    "Put a root away; what it signed stays good until it is revoked.",
    *(AUTHORITY, _root, signing.archive),
    everywhere=True,
)
noun.show(
    *("/certificates/{certificate_id}", "Read a station’s certificate"),
    "One certificate of a station, or its request for one.",
    *(CERTIFICATE, _certificate),
)
noun.decide(
    "/certificates/{certificate_id}/approve",
    "Agree to a signing request",
    "Agree that a request is signed; the certificate goes to the station by itself.",
    *(CERTIFICATE, _certificate, certificates.approve),
)
noun.decide(
    "/certificates/{certificate_id}/sign",
    "Bring a signed certificate",
    "Take in what an authority made of a request; it goes to the station within a minute.",
    *(CERTIFICATE, _certificate),
    lambda db, actor, row, *, certificate, now: certificates.issue(
        db, row, certificate, now=now, by=actor
    ),
    body=schemas.SignedCertificate,
)
noun.decide(
    "/certificates/{certificate_id}/refuse",
    "Refuse a signing request",
    "Decide that a request will not be signed.",
    *(CERTIFICATE, _certificate, certificates.refuse),
)
noun.decide(
    "/certificates/{certificate_id}/revoke",
    "Revoke a station’s certificate",
    "Let a station’s own certificate in no more.",
    *(CERTIFICATE, _certificate, certificates.revoke),
    body=schemas.Revocation,
)
