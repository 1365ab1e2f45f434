"""Orders about certificates and the station's password: what they need, and what answers mean."""

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.domain.commands.orders.spec import Ask, Prepared, Spec, subject_of
from app.domain.device import password_rotation
from app.domain.ground.errors import Conflict, Invalid, NotFound
from app.domain.ground.events import station_changed
from app.domain.ground.rows import newest
from app.domain.ground.vocabulary import Arguments, CommandState, Json, Order, Outcome
from app.domain.trust import x509
from app.models import AuthorityCertificate, Command, Station, StationCertificate
from app.schemas.typed import Argument, optional, row, several, text, word

#: What a root that a station trusts is for, by the domain's word.
ROOTS = ("csms_root", "manufacturer_root", "v2g_root", "mo_root", "oem_root")
#: What can be listed: the roots, and the station's own chain for ISO 15118.
LISTED = (*ROOTS, "v2g_chain")
ALGORITHMS = ("sha256", "sha384", "sha512")
_HASHES = ("algorithm", "issuer_name_hash", "issuer_key_hash", "serial_number")


def _delete(given: Arguments) -> str:
    return f"Delete the certificate {given.get('serial_number') or given.get('certificate_id')}"


def prepare_sending(ask: Ask) -> Prepared:
    """Send the chain that was issued for a station's request."""
    row = _known(ask.db, ask.station, ask.given["certificate_id"])
    if row.state not in ("issued", "accepted") or not row.pem:
        raise Conflict("This certificate was not signed.", field="certificate_id")
    arguments = {"certificate_id": row.id, "chain": row.pem, "use": row.use}
    if row.request_id is not None:
        arguments["request_id"] = row.request_id
    return Prepared(arguments, f"certificate:{row.id}")


def prepare_installing(ask: Ask) -> Prepared:
    """Keep a row for a root that a station is asked to trust."""
    pem = ask.given.get("certificate")
    if number := ask.given.get("authority_id"):
        kept = ask.db.get(AuthorityCertificate, number)
        if kept is None or kept.tenant_id != ask.station.tenant_id:
            raise NotFound("There is no such certificate.", field="authority_id")
        pem = kept.pem
    if not pem:
        raise Invalid("Choose a certificate or paste its text.", field="certificate")
    facts, *others = x509.read_chain(pem)
    if others:
        raise Invalid(
            f"These are {len(others) + 1} certificates; a station is given one at a time.",
            field="certificate",
        )
    named = x509.hash_data(facts.pem, facts.pem)
    row = StationCertificate(
        station_id=ask.station.id,
        use=ask.given["use"],
        state="asked",
        pem=facts.pem,
        issuer=facts.issuer,
        **facts.columns,
        hash_algorithm=named.algorithm,
        issuer_name_hash=named.issuer_name_hash,
        issuer_key_hash=named.issuer_key_hash,
        created_at=ask.now,
        changed_at=ask.now,
    )
    ask.db.add(row)
    ask.db.flush()
    return Prepared({"use": row.use, "certificate": row.pem}, f"certificate:{row.id}")


def prepare_deleting(ask: Ask) -> Prepared:
    """Name the certificate as OCPP does: by its row here, or by the hashes themselves."""
    checked = ask.given
    if number := checked.get("certificate_id"):
        row = _known(ask.db, ask.station, number)
        if row.use == "station":
            raise Conflict("A station's own certificate cannot be deleted.", field="certificate_id")
        given = {
            "algorithm": (row.hash_algorithm or "").lower(),
            "issuer_name_hash": row.issuer_name_hash,
            "issuer_key_hash": row.issuer_key_hash,
            "serial_number": row.serial_number,
        }
        checked = {**given, "certificate_id": row.id}
    if not all(checked.get(name) for name in _HASHES):
        raise Invalid("Name the certificate, or its hashes and serial number.")
    subject = f"certificate:{checked['certificate_id']}" if checked.get("certificate_id") else None
    return Prepared(checked, subject)


def after_sending(db: Session, command: Command, outcome: Outcome, now: datetime) -> None:
    """A signed certificate is in use once the station took it; silence leaves it to be resent."""
    if outcome.state is CommandState.ACCEPTED:
        _settle(db, command, "accepted", None, now)
    elif outcome.state in (CommandState.REJECTED, CommandState.UNSUPPORTED):
        _settle(db, command, "rejected", outcome.sentence, now)


def after_installing(db: Session, command: Command, outcome: Outcome, now: datetime) -> None:
    """A root is installed when the station says so; any other end leaves nothing installed."""
    if outcome.state is CommandState.ACCEPTED:
        _settle(db, command, "installed", None, now)
    else:
        _settle(db, command, "rejected", outcome.sentence, now)


def after_deleting(db: Session, command: Command, outcome: Outcome, now: datetime) -> None:
    """Gone is gone, also when the station did not know it (any more)."""
    if outcome.state is CommandState.ACCEPTED or outcome.word == "NotFound":
        rows = db.scalars(
            select(StationCertificate).where(
                StationCertificate.station_id == command.station_id,
                StationCertificate.serial_number == command.arguments.get("serial_number"),
                StationCertificate.issuer_key_hash == command.arguments.get("issuer_key_hash"),
                StationCertificate.use.not_in(("station",)),
            )
        )
        for gone in rows:
            gone.state, gone.sentence, gone.changed_at = "deleted", None, now
        station_changed(db, command.station)


def after_listing(db: Session, command: Command, outcome: Outcome, now: datetime) -> None:
    """Bring our list in line with the station's: what it no longer lists is missing."""
    if outcome.state is not CommandState.ACCEPTED:
        return
    listed: list[StationCertificate] = []
    for told in outcome.facts.get("certificates", ()):
        for place, named in enumerate([told, *told.get("children", ())]):
            use = told["use"] if place == 0 else f"{told['use']}_child"
            listed.append(_listed(db, command.station_id, use, named, now))
    db.flush()
    asked = set(outcome.facts.get("uses", ()))
    known = db.scalars(
        select(StationCertificate).where(
            StationCertificate.station_id == command.station_id,
            StationCertificate.state == "installed",
            StationCertificate.id.not_in([row.id for row in listed]),
        )
    )
    for held in known:
        if held.use.removesuffix("_child") in asked:
            held.state, held.changed_at = "missing", now
            held.sentence = "The station no longer lists it."
    station_changed(db, command.station)


def _listed(
    db: Session, station_id: int, use: str, named: Json, now: datetime
) -> StationCertificate:
    row = newest(
        db,
        StationCertificate,
        station_id=station_id,
        serial_number=named["serial_number"],
        issuer_key_hash=named["issuer_key_hash"],
        use=use,
    )
    if row is None:
        row = StationCertificate(
            station_id=station_id,
            use=use,
            state="installed",
            serial_number=named["serial_number"],
            hash_algorithm=named["algorithm"],
            issuer_name_hash=named["issuer_name_hash"],
            issuer_key_hash=named["issuer_key_hash"],
            created_at=now,
            changed_at=now,
        )
        db.add(row)
        db.flush()
    elif row.state != "installed":
        row.state, row.sentence, row.changed_at = "installed", None, now
    return row


def _settle(db: Session, command: Command, state: str, sentence: str | None, now: datetime) -> None:
    row = subject_of(db, command, "certificate", StationCertificate)
    if row is not None:
        row.state, row.changed_at = state, now
        row.sentence = sentence[:300] if sentence else None
        station_changed(db, command.station)


def _known(db: Session, station: Station, number: int) -> StationCertificate:
    row = db.get(StationCertificate, number)
    if row is None or row.station_id != station.id:
        raise NotFound(f"{station.identity} has no such certificate.", field="certificate_id")
    return row


SPECS = (
    Spec(
        Order.INSTALL_CERTIFICATE,
        "Install a certificate",
        arguments={
            "use": Argument(word(*ROOTS)),
            "authority_id": optional(row),
            "certificate": optional(text(10_000)),
        },
        words=lambda given: f"Install a certificate ({given['use'].replace('_', ' ')})",
        question="Install this certificate at {identity}? A wrong one can take it offline.",
        prepare=prepare_installing,
        after=after_installing,
    ),
    Spec(
        Order.DELETE_CERTIFICATE,
        "Delete a certificate",
        arguments={
            "certificate_id": optional(row),
            "algorithm": optional(word(*ALGORITHMS)),
            "issuer_name_hash": optional(text(128)),
            "issuer_key_hash": optional(text(128)),
            "serial_number": optional(text(40)),
        },
        words=_delete,
        question="Delete this certificate from {identity}? Without the right ones it cannot "
        "connect any more.",
        prepare=prepare_deleting,
        after=after_deleting,
    ),
    Spec(
        Order.READ_CERTIFICATES,
        "List certificates",
        arguments={"uses": optional(several(word(*LISTED), 6))},
        after=after_listing,
    ),
    Spec(
        Order.SEND_CERTIFICATE,
        "Send a signed certificate",
        arguments={"certificate_id": Argument(row)},
        single=True,
        prepare=prepare_sending,
        after=after_sending,
    ),
    Spec(
        Order.CHANGE_PASSWORD,
        "Change the password",
        question="Give {identity} a new password?",
        prepare=password_rotation.prepare,
        after=password_rotation.after,
    ),
)
