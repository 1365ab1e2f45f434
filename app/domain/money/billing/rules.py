"""By which rules a tenant's bills are made; each has a default and is set by an admin."""

from collections.abc import Iterable
from typing import Any, NamedTuple

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.domain.ground.bulk import among
from app.domain.ground.bulk_read import BulkRead
from app.models import Tenant


class Rules(NamedTuple):
    """The rules of one tenant.

    A session below both `least_energy_wh` and `least_duration_s` costs nothing
    and is told to nobody.  A late difference below `late_below_minor` is noted
    on the session.  `idle_from_readings`: a still meter is billed as idle.
    """

    least_energy_wh: int
    least_duration_s: int
    late_below_minor: int
    idle_from_readings: bool


_TENANT: Any = Tenant.__table__
_RULES = BulkRead(
    select(_TENANT.c.id, *(_TENANT.c[name] for name in Rules._fields)).where(
        among(_TENANT.c.id, "tenants")
    )
)


def rules_of(db: Session, tenant_ids: Iterable[int]) -> dict[int, Rules]:
    """The rules of tenants, by their ids."""
    return {row[0]: Rules(*row[1:]) for row in _RULES(db, tenants=set(tenant_ids))}
