"""Certificates of stations: asked for, signed, installed, listed, revoked, running out.

A row is a certificate; its state follows what the station says.  The signing
itself is a task's work, because it needs a private key.
"""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session, aliased

from app.domain import access, audit, x509
from app.domain.errors import Conflict, Invalid
from app.domain.events import CertificateRequested, StationChanged, record
from app.domain.vocabulary import Actor, Order
from app.models import AuthorityCertificate, Command, Station, StationCertificate

#: Certificates that stations ask us to sign.
OWN = ("station", "v2g", "v2g20")
#: When the end of a certificate is announced, in days before it.
ALARM_DAYS = (60, 30, 7)
#: A request that nobody signed is replaced by the next one of the same use.
WAITING = ("requested", "issued")
#: When a row is taken for forgotten, and when an unanswered certificate is sent again.
_NUDGE, _AGAIN = timedelta(seconds=30), timedelta(minutes=10)


def request_signature(
    db: Session, station: Station, csr: str, use: str, request_id: int | None, *, now: datetime
) -> StationCertificate:
    """Keep a station's signing request; its state tells whether it will be signed (A02, A03).

    Refused are requests that cannot be read, with weak keys, or in another
    station's name: the common name is the station's serial number or identity.
    """
    row = StationCertificate(
        station_id=station.id,
        use=use,
        state="requested",
        request_id=request_id,
        csr=csr[:10_000],
        created_at=now,
        changed_at=now,
    )
    try:
        common_name, _ = x509.names_in_request(csr)
        _check_name(station, common_name)
    except Invalid as error:
        row.state, row.sentence = "rejected", error.sentence
    for earlier in _waiting(db, station, use):
        earlier.state, earlier.changed_at = "replaced", now
        earlier.sentence = "The station asked again."
    db.add(row)
    db.flush()
    if row.state == "requested":
        record(db, CertificateRequested(station.tenant_id, row.id))
    record(db, StationChanged(station.tenant_id, station.id))
    return row


def _check_name(station: Station, common_name: str) -> None:
    own = {name.casefold() for name in (station.serial, station.identity) if name}
    if common_name and common_name.casefold() not in own:
        raise Invalid(
            f"The request is in the name of {common_name[:64]}, which is not this station.",
            field="csr",
        )


def _waiting(db: Session, station: Station, use: str) -> list[StationCertificate]:
    return list(
        db.scalars(
            select(StationCertificate).where(
                StationCertificate.station_id == station.id,
                StationCertificate.use == use,
                StationCertificate.state.in_(WAITING),
            )
        )
    )


def issue(db: Session, row: StationCertificate, chain: str, *, now: datetime) -> None:
    """Take in the signed chain of a request, the leaf first.

    Raises `Conflict` when the request is not waiting, and `Invalid` when the
    certificate is not for its key or cannot be read.
    """
    if row.state != "requested" or row.csr is None:
        raise Conflict("This request is not waiting for a signature.")
    found = x509.read_chain(chain)
    if not x509.belongs(row.csr, found[0].pem):
        raise Invalid("The certificate was made for another key.", field="certificate")
    _describe(row, found[0])
    row.pem = "".join(one.pem for one in found)
    if len(found) > 1:
        _name(row, x509.hash_data(found[0].pem, found[1].pem))
    row.state, row.sentence, row.changed_at = "issued", None, now
    db.flush()
    record(db, StationChanged(row.station.tenant_id, row.station_id))


def unfinished(db: Session, *, now: datetime) -> list[int]:
    """Requests that should have been signed by now, and certificates that wait to be sent."""
    query = select(StationCertificate.id).where(
        StationCertificate.state.in_(WAITING), StationCertificate.changed_at < now - _NUDGE
    )
    return list(db.scalars(query.order_by(StationCertificate.id).limit(200)))


def is_on_its_way(db: Session, row: StationCertificate, *, now: datetime) -> bool:
    """Tell whether the certificate was ordered to be sent only just now."""
    query = select(Command.id).where(
        Command.subject == f"certificate:{row.id}",
        Command.order == Order.SEND_CERTIFICATE,
        Command.requested_at > now - _AGAIN,
    )
    return db.scalar(query.limit(1)) is not None


def delay(db: Session, number: int, why: str, *, now: datetime) -> None:
    """Note why a request could not be signed yet; it goes on waiting."""
    row = db.get(StationCertificate, number)
    if row is not None and row.state == "requested":
        row.sentence, row.changed_at = f"It cannot be signed yet: {why}"[:300], now
        db.flush()
        record(db, StationChanged(row.station.tenant_id, row.station_id))


def refuse(db: Session, actor: Actor, row: StationCertificate, *, now: datetime) -> None:
    """Decide that a request will not be signed."""
    if row.state != "requested":
        raise Conflict("This request is not waiting for a signature.")
    row.state, row.sentence, row.changed_at = "rejected", f"{actor.name} refused it.", now
    db.flush()
    _note(db, actor, "certificate.refuse", row, now)


def revoke(
    db: Session, actor: Actor, row: StationCertificate, *, reason: str, now: datetime
) -> None:
    """Let a station's own certificate in no more; raises `Conflict` for any other."""
    if row.use not in OWN or row.state not in ("issued", "accepted"):
        raise Conflict("Only a certificate that was issued to the station can be revoked.")
    if not reason.strip():
        raise Invalid("Say why it is revoked.", field="reason")
    row.state, row.sentence, row.changed_at = "revoked", reason.strip()[:300], now
    access.changed(db, row.station)
    _note(db, actor, "certificate.revoke", row, now)


def is_revoked(db: Session, fingerprint: str) -> bool:
    """Tell whether a certificate with this SHA-256 fingerprint was revoked by us."""
    query = select(StationCertificate.id).where(
        StationCertificate.fingerprint == fingerprint, StationCertificate.state == "revoked"
    )
    return db.scalar(query.limit(1)) is not None


def keep_authority(
    db: Session,
    actor: Actor,
    tenant_id: int,
    *,
    name: str,
    use: str,
    pem: str,
    key_file: str | None,
    now: datetime,
) -> AuthorityCertificate:
    """Keep a root: our own (with a key) or one that is to be installed at stations."""
    facts = x509.read(pem)
    row = AuthorityCertificate(
        tenant_id=tenant_id,
        name=(name.strip() or facts.common_name or "Certificate")[:120],
        use=use,
        pem=facts.pem,
        subject=facts.subject,
        serial_number=facts.serial_number[:60],
        fingerprint=facts.fingerprint,
        starts_at=facts.starts_at,
        expires_at=facts.expires_at,
        key_file=key_file,
        created_at=now,
    )
    db.add(row)
    db.flush()
    audit.note(db, actor, "authority.keep", row, now=now)
    return row


def archive_authority(
    db: Session, actor: Actor, row: AuthorityCertificate, *, now: datetime
) -> None:
    """Put a root away; what it signed stays good until it is revoked."""
    if row.archived_at is None:
        before = audit.snapshot(row)
        row.archived_at = now
        db.flush()
        audit.note(db, actor, "authority.archive", row, now=now, before=before)


def own_root(db: Session, tenant_id: int, *, now: datetime) -> AuthorityCertificate | None:
    """The newest root of the built-in authority that is good now."""
    return db.scalar(
        select(AuthorityCertificate)
        .where(
            AuthorityCertificate.tenant_id == tenant_id,
            AuthorityCertificate.use == "station_root",
            AuthorityCertificate.key_file.is_not(None),
            AuthorityCertificate.archived_at.is_(None),
            AuthorityCertificate.expires_at > now,
        )
        .order_by(AuthorityCertificate.id.desc())
        .limit(1)
    )


def running_out(db: Session, *, now: datetime, days: int = ALARM_DAYS[0]) -> list[Any]:
    """Certificates in use that end within `days`: the authority's and the stations' own.

    One that has a longer-lived successor, or whose station is put away, needs nobody.
    """
    until = now + timedelta(days=days)
    roots = db.scalars(
        select(AuthorityCertificate).where(
            AuthorityCertificate.archived_at.is_(None), AuthorityCertificate.expires_at <= until
        )
    )
    newer = aliased(StationCertificate)
    replaced = (
        select(newer.id)
        .where(
            newer.station_id == StationCertificate.station_id,
            newer.use == StationCertificate.use,
            newer.use.in_(OWN),
            newer.state == "accepted",
            newer.expires_at > StationCertificate.expires_at,
        )
        .exists()
    )
    held = db.scalars(
        select(StationCertificate)
        .join(StationCertificate.station)
        .where(
            StationCertificate.state.in_(("accepted", "installed")),
            StationCertificate.expires_at <= until,
            Station.archived_at.is_(None),
            ~replaced,
        )
    )
    return sorted([*roots, *held], key=lambda row: row.expires_at)


def _describe(row: StationCertificate, facts: x509.Facts) -> None:
    row.subject, row.issuer = facts.subject, facts.issuer
    row.serial_number, row.fingerprint = facts.serial_number[:60], facts.fingerprint
    row.starts_at, row.expires_at = facts.starts_at, facts.expires_at


def _name(row: StationCertificate, named: x509.HashData) -> None:
    row.hash_algorithm = named.algorithm
    row.issuer_name_hash, row.issuer_key_hash = named.issuer_name_hash, named.issuer_key_hash


def _note(db: Session, actor: Actor, action: str, row: StationCertificate, now: datetime) -> None:
    # The texts of keys and requests are long and say nothing to a reader of the audit.
    audit.note(
        db, actor, action, row.station, now=now, before=audit.snapshot(row.station),
        remark=f"{row.use} certificate {row.serial_number or row.id}",
    )  # fmt: skip
    record(db, StationChanged(row.station.tenant_id, row.station_id))
