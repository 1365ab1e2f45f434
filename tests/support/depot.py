"""A small depot on a site under test: a tariff, a driver with a card, a station with a password."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from app.domain.access import drivers, tags
from app.domain.ground.vocabulary import SYSTEM
from app.domain.money import tariff_book
from app.domain.network import sites, stations, tenants
from tests.support.site import Site

#: One euro to begin with and forty cents a kilowatt-hour, 19 % tax included.
TARIFF: dict[str, Any] = {
    "schema": 1,
    "currency": "EUR",
    "tax": {"mode": "inclusive", "percent": "19"},
    "components": [{"kind": "start", "price": "1.00"}, {"kind": "energy", "price": "0.40"}],
}
TAG = "04A2B3C4"
MAIL = "ada@example.org"


@dataclass(frozen=True)
class Depot:
    """What a test needs to know of it; `stations` are (identity, password)."""

    stations: tuple[tuple[str, str], ...]
    tag: str = TAG
    mail: str = MAIL


def furnish(site: Site, station_count: int = 1) -> Depot:
    """Build the depot by the operations that staff use."""
    now = datetime.now(UTC)
    made = []
    with site.work() as db:
        tenant = tenants.first(db, now=now)
        tariff = tariff_book.create(
            db, SYSTEM, tenant.id, name="Standard", definition=TARIFF, now=now
        )
        place = sites.add(
            *(db, SYSTEM, tenant.id),
            now=now,
            name="Depot",
            timezone="Europe/Berlin",
            currency="EUR",
            tariff_id=tariff.id,
        )
        driver = drivers.add(db, SYSTEM, tenant.id, now=now, name="Ada Lovelace", email=MAIL)
        tags.add(db, SYSTEM, tenant.id, now=now, value=TAG, driver_id=driver.id)
        for number in range(1, station_count + 1):
            station, password = stations.register(
                *(db, SYSTEM, tenant.id, place, f"CP-{number}"), now=now
            )
            made.append((station.identity, password or ""))
    return Depot(tuple(made))
