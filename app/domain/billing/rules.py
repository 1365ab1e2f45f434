"""By which rules a tenant's bills are made; each has a default and is set by an admin."""

from dataclasses import dataclass

from app.models import Tenant


@dataclass(frozen=True, slots=True)
class Rules:
    """The rules of one tenant.

    A session below both `least_energy_wh` and `least_duration_s` costs nothing
    and is told to nobody.  A late difference below `late_below_minor` is noted
    on the session.  `idle_from_readings`: a still meter is billed as idle.
    """

    least_energy_wh: int
    least_duration_s: int
    late_below_minor: int
    idle_from_readings: bool


def rules_of(tenant: Tenant) -> Rules:
    """A tenant's rules."""
    return Rules(
        tenant.least_energy_wh,
        tenant.least_duration_s,
        tenant.late_below_minor,
        tenant.idle_from_readings,
    )
