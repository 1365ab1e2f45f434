"""Roots: the built-in authority's own, and those that staff keep for installing at stations."""

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.domain.ground.vocabulary import Actor
from app.domain.office import audit
from app.domain.trust import x509
from app.models import AuthorityCertificate


def keep(
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
        **facts.columns,
        key_file=key_file,
        created_at=now,
    )
    db.add(row)
    db.flush()
    audit.note(db, actor, "authority.keep", row, now=now)
    return row


def archive(db: Session, actor: Actor, row: AuthorityCertificate, *, now: datetime) -> None:
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


def own_roots(db: Session) -> list[str]:
    """All roots of the built-in authority as PEM, of every tenant, also those that were put away.

    What they signed is good until it is revoked or ends.
    """
    query = select(AuthorityCertificate.pem).where(AuthorityCertificate.key_file.is_not(None))
    return list(db.scalars(query.order_by(AuthorityCertificate.id)))
