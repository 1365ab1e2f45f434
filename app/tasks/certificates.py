"""Tasks that sign stations' certificates and send them out."""

import logging
import subprocess
from datetime import datetime

from celery import shared_task
from sqlalchemy.orm import Session

from app.config import Settings
from app.domain.commands import commands
from app.domain.ground.errors import DomainError
from app.domain.ground.vocabulary import SYSTEM, Order
from app.domain.trust import certificates, signing
from app.extensions import the_settings
from app.models import StationCertificate
from app.process.clock import utc_now
from app.tasks.rounds import one_at_a_time
from app.uow import unit_of_work

log = logging.getLogger(__name__)

#: How long the program that signs may take, in seconds, and how much it may print.
PATIENCE_S, LONGEST = 60, 64 * 1024


@shared_task(name="sign_certificate")
def sign_certificate(certificate_id: int) -> None:
    """Sign a station's request, if it may be and a signer is set; then send it.  Repeatable."""
    settings = the_settings()
    unasked = settings.first_certificate == "sign"
    with unit_of_work() as db:
        row = db.get(StationCertificate, certificate_id)
        may = row is not None and row.state == "requested" and (row.approved_at or unasked)
        csr = row.csr if row is not None and may else None
    if csr and settings.certificate_authority != "manual":
        try:
            _sign(settings, certificate_id, csr)
        except (DomainError, OSError, subprocess.SubprocessError) as error:
            # The next sweep tries again; until then the page says what is in the way.
            log.warning("certificate %s cannot be signed: %s", certificate_id, error)
            with unit_of_work() as db:
                certificates.delay(db, certificate_id, str(error), now=utc_now())
            return
    send_certificate(certificate_id)


def _sign(settings: Settings, certificate_id: int, csr: str) -> None:
    # A program that prints nothing has failed; it is never made up for by our own authority.
    outside = settings.certificate_authority == "command"
    chain = _by_program(settings.sign_command, csr) if outside else ""
    with unit_of_work() as db:
        row, now = db.get_one(StationCertificate, certificate_id), utc_now()
        if not outside:
            chain = _by_us(db, settings, row, now)
        certificates.issue(db, row, chain, now=now)


def _by_program(program: str, csr: str) -> str:
    """Have an outside authority's program sign: it gets the request and prints the chain.

    It may take a minute, so no unit of work is open meanwhile, or every writer would wait for it.
    """
    done = subprocess.run(
        [program], input=csr, capture_output=True, text=True, timeout=PATIENCE_S, check=True
    )
    return done.stdout[:LONGEST]


def _by_us(db: Session, settings: Settings, row: StationCertificate, now: datetime) -> str:
    """The chain that the built-in authority signs, the leaf first."""
    keys, organisation = (
        signing.KeyStore(settings.data_dir),
        settings.ocpp_cpo_name or signing.UNNAMED,
    )
    root = signing.own_root(db, row.station.tenant_id, keys, organisation, now=now)
    return signing.sign(
        row.csr or "",
        root.pem,
        keys.read(root.key_file or ""),
        common_name=certificates.common_name(db, row),
        organisation=organisation,
        now=now,
        for_cars=row.use != "station",
    )


def send_certificate(certificate_id: int) -> None:
    """Order that a signed certificate be sent; a station that is away gets it by the sweep."""
    settings = the_settings()
    with unit_of_work() as db:
        row = db.get(StationCertificate, certificate_id)
        now = utc_now()
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
@one_at_a_time
def sweep_certificates() -> None:
    """Sign and send what a lost nudge or an absent station left behind."""
    with unit_of_work() as db:
        unasked = the_settings().first_certificate == "sign"
        waiting = certificates.unfinished(db, now=utc_now(), unasked=unasked)
    for number in waiting:
        try:
            sign_certificate(number)
        except Exception:
            log.exception("certificate %s cannot be signed", number)
