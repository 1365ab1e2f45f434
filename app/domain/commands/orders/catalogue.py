"""The catalogue: every order that a station can be given, by the nouns of the desk.

Importing it enters what follows the end of a command into the tables below it, of which the
commands know no more than that something follows; `app.uow` does so for every process.
"""

from app.domain.commands import broadcasts, command_rules
from app.domain.commands.orders import (
    certificates,
    charging,
    files,
    profiles,
    settings,
    station,
    tags,
)
from app.domain.commands.orders.spec import SPECS, Spec

#: The nouns in the order in which the desk shows their orders.
NOUNS: dict[str, tuple[Spec, ...]] = {
    "Charging": charging.SPECS,
    "Station": station.SPECS,
    "Settings": settings.SPECS,
    "Monitoring": settings.MONITORING,
    "Local list": tags.LOCAL_LISTS,
    "Reservations": tags.RESERVATIONS,
    "Charging profiles": profiles.SPECS,
    "Firmware and logs": files.SPECS,
    "Certificates": certificates.SPECS,
    "Display": station.DISPLAY,
    "Tariffs": tags.SPECS,
    "Battery swap": charging.SWAPPING,
    "Raw": station.RAW,
}

for _specs in NOUNS.values():
    SPECS.update((spec.order, spec) for spec in _specs)
command_rules.FOLLOWERS.append(broadcasts.commands_ended)

#: The orders that many stations may be given at once.
FOR_MANY = tuple(order for order, spec in SPECS.items() if not spec.single)
