"""How a station's signing request gets signed: by us, by an outside program, or by hand."""

import subprocess
from datetime import datetime

from sqlalchemy.orm import Session

from app.config import Settings
from app.domain.ground.vocabulary import SYSTEM, Actor
from app.domain.trust import authorities, authority, certificates
from app.key_store import KeyStore
from app.models import AuthorityCertificate, StationCertificate

#: How long the program that signs may take, in seconds, and how much it may print.
PATIENCE_S, LONGEST = 60, 64 * 1024


def by_us(db: Session, settings: Settings, row: StationCertificate, *, now: datetime) -> str:
    """Sign a request with the built-in authority; return the chain, the leaf first.

    Raises OSError when the authority's key is not where it was put, and `Invalid` when the request
    is not in the station's own name (any more).
    """
    root = own_root(db, settings, row.station.tenant_id, now=now)
    return authority.sign(
        row.csr or "",
        root.pem,
        KeyStore(settings).read(root.key_file or ""),
        common_name=certificates.common_name(db, row),
        organisation=_organisation(settings),
        now=now,
        for_cars=row.use != "station",
    )


def by_program(program: str, csr: str) -> str:
    """Have an outside authority's program sign: it gets the request and prints the chain.

    It may take a minute: call it while no unit of work is open, or every writer waits for it.
    Raises OSError or `subprocess.SubprocessError` when it fails.
    """
    done = subprocess.run(
        [program], input=csr, capture_output=True, text=True, timeout=PATIENCE_S, check=True
    )
    return done.stdout[:LONGEST]


def own_root(
    db: Session, settings: Settings, tenant_id: int, *, now: datetime, actor: Actor = SYSTEM
) -> AuthorityCertificate:
    """The root of the built-in authority, made when it is first needed."""
    root = authorities.own_root(db, tenant_id, now=now)
    if root is not None:
        return root
    name = f"{_organisation(settings)} stations"
    made = authority.make_root(name, _organisation(settings), now=now)
    key_file = f"station-root-{tenant_id}-{int(now.timestamp())}.key"
    KeyStore(settings).keep(key_file, made.key)
    return authorities.keep(
        db, actor, tenant_id, name=name, use="station_root", pem=made.certificate,
        key_file=key_file, now=now,
    )  # fmt: skip


def _organisation(settings: Settings) -> str:
    return settings.ocpp_cpo_name or "Ampdesk"
