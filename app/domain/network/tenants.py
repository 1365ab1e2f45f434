"""Tenants: whose network it is, who sells there, and by which rules bills are made."""

from datetime import datetime
from typing import TypedDict, Unpack

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.domain.ground.errors import Invalid, NotFound
from app.domain.ground.vocabulary import Actor, SecondFactorRule
from app.domain.money import receipts
from app.domain.office import audit
from app.models import Site, Tenant

FIRST = "Ampdesk"

#: rule -> what a refusal calls it, and its greatest value.
RULES = {
    "least_energy_wh": ("The least energy", 100_000),
    "least_duration_s": ("The least time", 86_400),
    "late_below_minor": ("The late difference", 1_000_000),
}


class Details(TypedDict, total=False):
    """What a tenant may be given; the rules are those of `app.domain.money.billing.book`."""

    seller_name: str | None
    seller_address: str | None
    seller_tax_number: str | None
    seller_contact: str | None
    least_energy_wh: int
    least_duration_s: int
    late_below_minor: int
    idle_from_readings: bool
    second_factor: SecondFactorRule | str


def first(db: Session, *, now: datetime) -> Tenant:
    """Return the installation's first tenant; made when there is none."""
    tenant = db.scalar(select(Tenant).order_by(Tenant.id).limit(1))
    if tenant is None:
        tenant = Tenant(name=FIRST, created_at=now)
        db.add(tenant)
        db.flush()
    return tenant


def ids(db: Session, *, name: str | None = None) -> list[int]:
    """The ids of all tenants, or of the one with a name; raises `NotFound`."""
    query = select(Tenant.id).order_by(Tenant.id)
    if name is None:
        return list(db.scalars(query))
    found = list(db.scalars(query.where(Tenant.name == name)))
    if not found:
        raise NotFound(f"There is no tenant called {name}.", field="tenant")
    return found


def edit(
    db: Session, actor: Actor, tenant: Tenant, *, now: datetime, **details: Unpack[Details]
) -> Tenant:
    """Change what is given of seller and rules, and leave the rest; raises `Invalid`.

    Bills that are issued keep the seller they were issued with.
    """
    for rule, (word, most) in RULES.items():
        value = details.get(rule, 0)
        if not isinstance(value, int) or not 0 <= value <= most:
            raise Invalid(f"{word} must be a whole number from 0 to {most}.", field=rule)
    with audit.edited(db, actor, "tenant.edit", tenant, now=now, tenant_id=tenant.id):
        receipts.write_seller(tenant, details)
        for rule in (*RULES, "idle_from_readings"):
            if rule in details:
                setattr(tenant, rule, details[rule])  # type: ignore[literal-required]
        if "second_factor" in details:
            tenant.second_factor = _second_factor(details["second_factor"])
    return tenant


def _second_factor(rule: SecondFactorRule | str) -> SecondFactorRule:
    try:
        return SecondFactorRule(rule)
    except ValueError:
        words = ", ".join(SecondFactorRule)
        raise Invalid(
            f"Who needs a second factor must be one of {words}.", field="second_factor"
        ) from None


def lacks_seller(db: Session, tenant_id: int) -> bool:
    """Whether any receipt of the tenant would not say who sells."""
    tenant = db.get_one(Tenant, tenant_id)
    if receipts.seller_is_named(receipts.seller_of(tenant, None)):
        return False
    sites = db.scalars(
        select(Site).where(Site.tenant_id == tenant_id, Site.archived_at.is_(None))
    ).all()
    return not sites or not all(
        receipts.seller_is_named(receipts.seller_of(tenant, site)) for site in sites
    )
