"""Tasks that sign stations' certificates and send them out."""

import logging
import subprocess
from datetime import UTC, datetime

from celery import shared_task
from flask import current_app
from sqlalchemy.orm import Session

from app.config import Settings
from app.domain import authority, certificates, commands
from app.domain.errors import DomainError
from app.domain.vocabulary import SYSTEM, Order
from app.key_store import KeyStore
from app.models import AuthorityCertificate, StationCertificate
from app.uow import unit_of_work

log = logging.getLogger(__name__)

#: How long the program that signs may take, in seconds, and how much it may print.
PATIENCE_S, LONGEST = 60, 64 * 1024


@shared_task(name="sign_certificate")
def sign_certificate(certificate_id: int) -> None:
    """Sign a station's request, if it waits and a signer is set; then send it.  Repeatable."""
    settings: Settings = current_app.config["SETTINGS"]
    with unit_of_work() as db:
        row = db.get(StationCertificate, certificate_id)
        waiting = row is not None and row.state == "requested"
    if waiting and settings.certificate_authority != "manual":
        _sign(settings, certificate_id)
    send_certificate(certificate_id)


def _sign(settings: Settings, certificate_id: int) -> None:
    with unit_of_work() as db:
        row = db.get(StationCertificate, certificate_id)
        if row is None or row.csr is None:
            return
        station = row.station
        if settings.certificate_authority == "command":
            chain = _by_program(settings.sign_command, row.csr)
        else:
            root = own_root(db, settings, station.tenant_id)
            chain = authority.sign(
                row.csr,
                root.pem,
                KeyStore(settings).read(root.key_file or ""),
                common_name=station.serial or station.identity,
                organisation=settings.ocpp_cpo_name or "Ampdesk",
                now=datetime.now(UTC),
            )
        certificates.issue(db, row, chain, now=datetime.now(UTC))


def _by_program(program: str, csr: str) -> str:
    """Have an outside authority's program sign; it gets the request and prints the chain."""
    done = subprocess.run(
        [program], input=csr, capture_output=True, text=True, timeout=PATIENCE_S, check=True
    )
    return done.stdout[:LONGEST]


def own_root(db: Session, settings: Settings, tenant_id: int) -> AuthorityCertificate:
    """The root of the built-in authority, made when it is first needed."""
    now = datetime.now(UTC)
    root = certificates.own_root(db, tenant_id, now=now)
    if root is not None:
        return root
    name = settings.ocpp_cpo_name or "Ampdesk"
    made = authority.make_root(f"{name} stations", name, now=now)
    key_file = f"station-root-{tenant_id}-{int(now.timestamp())}.key"
    KeyStore(settings).keep(key_file, made.key)
    return certificates.keep_authority(
        db, SYSTEM, tenant_id, name=f"{name} stations", use="station_root",
        pem=made.certificate, key_file=key_file, now=now,
    )  # fmt: skip


def send_certificate(certificate_id: int) -> None:
    """Order that a signed certificate be sent; a station that is away gets it by the sweep."""
    settings: Settings = current_app.config["SETTINGS"]
    with unit_of_work() as db:
        row = db.get(StationCertificate, certificate_id)
        now = datetime.now(UTC)
        if row is None or row.state != "issued" or certificates.is_on_its_way(db, row, now=now):
            return
        try:
            commands.queue(
                db, SYSTEM, row.station, Order.SEND_CERTIFICATE, {"certificate_id": row.id},
                now=now, ttl_s=settings.command_ttl_s,
            )  # fmt: skip
        except DomainError as error:
            log.info("certificate %s waits: %s", certificate_id, error.sentence)


@shared_task(name="sweep_certificates")
def sweep_certificates() -> None:
    """Sign and send what a lost nudge or an absent station left behind."""
    with unit_of_work() as db:
        waiting = certificates.unfinished(db, now=datetime.now(UTC))
    for number in waiting:
        try:
            sign_certificate(number)
        except Exception:
            log.exception("certificate %s cannot be signed", number)
