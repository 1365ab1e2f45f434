"""Certificates of stations: asked for, signed, installed, listed, revoked, running out.

A row is a certificate; its state is what the station says.  A task signs: it needs a private key.
"""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import or_, select
from sqlalchemy.orm import Session, aliased, contains_eager

from app.domain.charging import reports
from app.domain.ground.errors import Conflict, Invalid
from app.domain.ground.events import CertificateRequested, record, station_changed
from app.domain.ground.rows import newest
from app.domain.ground.vocabulary import Actor, Order
from app.domain.network import credentials
from app.domain.office import audit
from app.domain.trust import certificate_names, x509
from app.domain.trust.certificate_names import OWN
from app.models import AuthorityCertificate, Command, Station, StationCertificate

#: When the end of a certificate is announced, in days before it.
ALARM_DAYS = (60, 30, 7)
#: A request that nobody signed is replaced by the next one of the same use.
WAITING = ("requested", "issued")
#: When a row is taken for forgotten, and when an unanswered certificate is sent again.
_NUDGE, _AGAIN = timedelta(seconds=30), timedelta(minutes=10)
#: How the sentence of a request begins that we refused ourselves.
_REFUSED = "The request is refused."
_REFUSALS = 20  # refused requests that are kept of a station and a use
_TOLD = ("state", "sentence", "approved_at", "serial_number", "subject", "fingerprint")


def request_signature(
    db: Session, station: Station, csr: str, use: str, request_id: int | None, *, now: datetime
) -> StationCertificate:
    """Keep a station's signing request; its state tells whether it will be signed (A02, A03).

    Refused are requests that cannot be read, with weak keys, or in any name but the station's own,
    which alarms.  A renewal is agreed to at once; for the first certificate of a name a person is
    asked.
    """
    refusal = _refusal(db, station, csr, use, now)
    same = _same(db, station, csr, use, refusal)
    if same is not None:
        # A station repeats its request until it is answered (A02.FR.17): one decision is enough.
        same.request_id = request_id
        if same.state in WAITING:
            record(db, CertificateRequested(station.tenant_id, same.id))
        db.flush()
        return same
    row = StationCertificate(
        station_id=station.id,
        use=use,
        state="rejected" if refusal else "requested",
        sentence=refusal[:300] or None,
        request_id=request_id,
        csr=csr[:10_000],
        created_at=now,
        changed_at=now,
    )
    if not refusal:
        for earlier in _requests(db, station, use, WAITING):
            earlier.state, earlier.changed_at = "replaced", now
            earlier.sentence = "The station asked again."
        if is_renewal(db, station, csr, use, now=now):
            row.approved_at = now
    db.add(row)
    db.flush()
    if not refusal:
        record(db, CertificateRequested(station.tenant_id, row.id))
    station_changed(db, station)
    return row


def _refusal(db: Session, station: Station, csr: str, use: str, now: datetime) -> str:
    """Why a request is not to be signed, empty when it may be; a foreign name alarms."""
    try:
        certificate_names.checked(db, station, x509.names_in_request(csr), use)
    except Invalid as error:
        if isinstance(error, certificate_names.ForeignName):
            reports.find_out(db, station, "ForeignNameRequested", error.sentence, now=now)
        return f"{_REFUSED} {error.sentence}"
    return ""


def _same(
    db: Session, station: Station, csr: str, use: str, refusal: str
) -> StationCertificate | None:
    """The row in which this request was decided or waits already.

    Of what we refuse only the newest row of each sentence is kept, and a few sentences: a station
    can make any number of requests.  What we refused before staff gave the name is decided anew.
    """
    if refusal:
        refused = [
            row
            for row in _requests(db, station, use, ("rejected",))
            if (row.sentence or "").startswith(_REFUSED)
        ]
        for row in refused[_REFUSALS - 1 :]:
            db.delete(row)
        return next((row for row in refused if row.sentence == refusal[:300]), None)
    for row in _requests(db, station, use, (*WAITING, "rejected")):
        # One that the station itself turned down has a certificate.
        refused_by_person = row.state == "rejected" and not (
            row.pem or (row.sentence or "").startswith(_REFUSED)
        )
        if row.csr == csr[:10_000] and (row.state in WAITING or refused_by_person):
            return row
    return None


def is_renewal(db: Session, station: Station, csr: str, use: str, *, now: datetime) -> bool:
    """Tell whether the newest certificate of this use that the station took is good still.

    It is in the same name, or in one that staff gave: what a station calls itself to cars it may
    change by itself.
    """
    last = newest(
        db,
        StationCertificate,
        StationCertificate.state.in_(("accepted", "revoked")),
        StationCertificate.fingerprint.is_not(None),
        station_id=station.id,
        use=use,
    )
    if last is None or last.state != "accepted" or last.expires_at is None:
        return False
    names = x509.names_in_request(csr)
    given = {name.casefold() for name in certificate_names.own(station)}
    if last.pem:
        given.add(x509.read(last.pem).common_name.casefold())
    return last.expires_at > now and all(name.casefold() in given for name in names)


def approve(db: Session, actor: Actor, row: StationCertificate, *, now: datetime) -> None:
    """Agree that a request may be signed; who signs does it within seconds."""
    if row.state != "requested":
        raise Conflict("This request is not waiting for a signature.")
    common_name(db, row)
    if row.approved_at is None:
        row.approved_at, row.changed_at, row.sentence = now, now, None
        db.flush()
        _note(db, actor, "certificate.approve", row, now)
    record(db, CertificateRequested(row.station.tenant_id, row.id))


def common_name(db: Session, row: StationCertificate) -> str:
    """The name for which a request may be signed now; raises `Invalid` when there is none."""
    names = x509.names_in_request(row.csr or "")
    return certificate_names.checked(db, row.station, names, row.use)


def _requests(
    db: Session, station: Station, use: str, states: tuple[str, ...]
) -> list[StationCertificate]:
    return list(
        db.scalars(
            select(StationCertificate)
            .where(
                StationCertificate.station_id == station.id,
                StationCertificate.use == use,
                StationCertificate.state.in_(states),
            )
            .order_by(StationCertificate.id.desc())
            .limit(50)
        )
    )


def issue(
    db: Session, row: StationCertificate, chain: str, *, now: datetime, by: Actor | None = None
) -> None:
    """Take in the signed chain of a request, the leaf first; `by` whoever brings it.

    Raises `Conflict` when the request is not waiting, and `Invalid` when the certificate is not
    for its key, not in the station's name, has ended, is an authority's or cannot be read.
    """
    if row.state != "requested" or row.csr is None:
        raise Conflict("This request is not waiting for a signature.")
    found = x509.read_chain(chain)
    if not x509.belongs(row.csr, found[0].pem):
        raise Invalid("The certificate was made for another key.", field="certificate")
    if found[0].is_authority:
        raise Invalid("The certificate may sign others; a station's may not.", field="certificate")
    if found[0].expires_at <= now:
        raise Invalid("The certificate has ended already.", field="certificate")
    certificate_names.checked(db, row.station, found[0].common_names, row.use)
    _describe(row, found[0])
    row.pem = "".join(one.pem for one in found)
    if len(found) > 1:
        _name(row, x509.hash_data(found[0].pem, found[1].pem))
    row.state, row.sentence, row.changed_at = "issued", None, now
    if by is not None:
        _note(db, by, "certificate.sign", row, now)
    station_changed(db, row.station)


def unfinished(db: Session, *, now: datetime, unasked: bool = False) -> list[int]:
    """Requests that should have been signed by now, and certificates that wait to be sent.

    With `unasked` also those that nobody agreed to.
    """
    query = select(StationCertificate.id).where(
        StationCertificate.state.in_(WAITING), StationCertificate.changed_at < now - _NUDGE
    )
    if not unasked:
        query = query.where(
            or_(StationCertificate.state == "issued", StationCertificate.approved_at.is_not(None))
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
        station_changed(db, row.station)


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
    """Let a station's own certificate in no more, anywhere; raises `Conflict` for any other.

    A renewal that was agreed to because of it and is not signed yet waits for a person, too.
    """
    if row.use not in OWN or row.state not in certificate_names.GOOD:
        raise Conflict("Only a certificate that was issued to the station can be revoked.")
    if not reason.strip():
        raise Invalid("Say why it is revoked.", field="reason")
    row.state, row.sentence, row.changed_at = "revoked", reason.strip()[:300], now
    for waiting in _requests(db, row.station, row.use, ("requested",)):
        waiting.approved_at = None
    credentials.access_changed(db, row.station)
    _note(db, actor, "certificate.revoke", row, now)


def is_revoked(db: Session, fingerprint: str) -> bool:
    """Tell whether a certificate with this SHA-256 fingerprint was revoked by us."""
    query = select(StationCertificate.id).where(
        StationCertificate.fingerprint == fingerprint, StationCertificate.state == "revoked"
    )
    return db.scalar(query.limit(1)) is not None


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
        .options(contains_eager(StationCertificate.station))
        .where(
            StationCertificate.state.in_(("accepted", "installed")),
            StationCertificate.expires_at <= until,
            Station.archived_at.is_(None),
            ~replaced,
        )
    )
    return sorted([*roots, *held], key=lambda row: row.expires_at)


def _describe(row: StationCertificate, facts: x509.Facts) -> None:
    row.issuer = facts.issuer
    for column, value in facts.columns.items():
        setattr(row, column, value)


def _name(row: StationCertificate, named: x509.HashData) -> None:
    row.hash_algorithm = named.algorithm
    row.issuer_name_hash, row.issuer_key_hash = named.issuer_name_hash, named.issuer_key_hash


def _note(db: Session, actor: Actor, action: str, row: StationCertificate, now: datetime) -> None:
    told = audit.changes(db, row)
    # The texts of keys and requests are long and say nothing to a reader of the audit.
    before, after = ({name: of[name] for name in of if name in _TOLD} for of in told)
    words = f"{row.use} certificate {row.serial_number or row.id}"
    audit.remark(db, actor, action, row.station, words, now=now, also=(before, after))
    station_changed(db, row.station)
