"""Endpoints: certificates, those who sign them, and contracts."""

from typing import Any

from sqlalchemy import select

from app.api.device.held import CERTIFICATE
from app.api.ground import _rows
from app.api.ground._noun import ROOT, Ask, Noun, Reply
from app.api.ground._paging import Pages
from app.domain.trust import certificates, signing
from app.models import AuthorityCertificate, StationCertificate
from app.schemas import trust as schemas
from app.uow import unit_of_work

noun = Noun("certificates", "Roots, and the certificates of stations.")
blueprint = noun.blueprint

AUTHORITY = _rows.answer(
    "AuthorityCertificate",
    "A root that is kept for installing, or the built-in authority’s own. No key is told.",
    AuthorityCertificate,
)


def _root(ask: Ask, root_id: int) -> AuthorityCertificate:
    root: AuthorityCertificate = ask.get(AuthorityCertificate, root_id, "certificate")
    return root


def _certificate(ask: Ask, certificate_id: int) -> StationCertificate:
    found: StationCertificate = ask.get(StationCertificate, certificate_id, "certificate")
    return found


@noun.get(
    "/authority-certificates",
    "List roots",
    answers={200: Pages(AUTHORITY)},
    query=schemas.AuthorityCertificates,
)
def listed(ask: Ask) -> Any:
    """The roots that are kept, in the order in which they came."""
    gone = AuthorityCertificate.archived_at.is_not(None)
    query = select(AuthorityCertificate).where(gone if ask.query.get("archived") else ~gone)
    if "use" in ask.query:
        query = query.where(AuthorityCertificate.use == ask.query["use"])
    return ask.page(query, AuthorityCertificate.id, newest=False)


@noun.get("/authority-certificates/{root_id}", "Read a root", answers={200: AUTHORITY})
def authority(ask: Ask, root_id: int) -> Any:
    """One root."""
    return ask.get(AuthorityCertificate, root_id, "certificate")


@noun.post(
    "/authority-certificates",
    "Keep a root",
    body=schemas.NewAuthorityCertificate,
    answers={201: AUTHORITY},
    everywhere=True,
)
def keep(ask: Ask) -> Any:
    """Keep a root, to be installed at stations by the order install_certificate."""
    with unit_of_work() as db:
        row = signing.keep(db, ask.actor, ask.tenant_id, **ask.body, key_file=None, now=ask.now)
    return Reply(201, row, {"Location": f"{ROOT}/authority-certificates/{row.id}"})


noun.decide(
    "/authority-certificates/{root_id}/archive",
    "Archive a root",
    "Put a root away; what it signed stays good until it is revoked.",
    *(AUTHORITY, _root, signing.archive),
    everywhere=True,
)


@noun.get(
    "/certificates/{certificate_id}",
    "Read a station’s certificate",
    answers={200: CERTIFICATE},
)
def show(ask: Ask, certificate_id: int) -> Any:
    """One certificate of a station, or its request for one."""
    return _certificate(ask, certificate_id)


noun.decide(
    "/certificates/{certificate_id}/approve",
    "Agree to a signing request",
    "Agree that a request is signed; the certificate goes to the station by itself.",
    *(CERTIFICATE, _certificate, certificates.approve),
)


@noun.post(
    "/certificates/{certificate_id}/sign",
    "Bring a signed certificate",
    body=schemas.SignedCertificate,
    answers={200: CERTIFICATE},
)
def sign(ask: Ask, certificate_id: int) -> Any:
    """Take in what an authority made of a request; it goes to the station within a minute."""
    row = _certificate(ask, certificate_id)
    with unit_of_work() as db:
        certificates.issue(db, row, ask.body["certificate"], now=ask.now, by=ask.actor)
    return row


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
