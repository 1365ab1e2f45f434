"""The demo site: a small depot with a tariff, drivers, tags and six stations.

It is built once, on a database that holds no site yet, by the same operations that staff use.
The stations' passwords are kept in <data>/demo.json (readable by the owner alone), where the
simulated chargers find them at every later start.
"""

import json
import os
from dataclasses import asdict, dataclass
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.config import Settings
from app.domain.access import drivers, tags
from app.domain.ground.vocabulary import SYSTEM
from app.domain.money import tariff_book
from app.domain.network import sites, stations, tenants
from app.models import Site, Station, Tenant
from app.uow import unit_of_work

SITE = "Harbour Depot"
TARIFF: dict[str, Any] = {
    "schema": 1,
    "currency": "EUR",
    "tax": {"mode": "inclusive", "percent": "19"},
    "components": [
        {"kind": "start", "price": "0.50"},
        {
            "kind": "energy",
            "name": "night rate",
            "price": "0.35",
            "when": {"from": "22:00", "until": "06:00"},
        },
        {"kind": "energy", "name": "day rate", "price": "0.49"},
        {"kind": "idle", "price": "0.05", "grace_minutes": 30},
    ],
}
PEOPLE = (
    ("Ada Lovelace", "ada@example.org", "04A2B3C4D5E601", "en"),
    ("Konrad Zuse", "konrad@example.org", "04A2B3C4D5E602", "de"),
    ("Grace Hopper", "grace@example.org", "04A2B3C4D5E603", "en"),
    ("Melitta Bentz", "melitta@example.org", "04A2B3C4D5E604", "de"),
    ("Hedy Lamarr", "hedy@example.org", "04A2B3C4D5E605", "en"),
)
STATIONS = (
    ("HD-01", "Quay, left", 11_000),
    ("HD-02", "Quay, right", 11_000),
    ("HD-03", "Hall 2, gate", 22_000),
    ("HD-04", "Hall 2, wall", 11_000),
    ("HD-05", "Yard, fast", 50_000),
    ("HD-06", "Visitors", 22_000),
)


@dataclass(frozen=True)
class DemoStation:
    """One simulated charger: what it needs to connect and whose card is held to it."""

    identity: str
    password: str
    power_w: int
    tag: str


def wanted(settings: Settings, now: datetime) -> bool:
    """Tell whether simulated chargers are to run; build their site when the database is empty."""
    if not settings.demo:
        return False
    with unit_of_work() as db:
        if known(settings):
            first = db.scalar(select(Station).where(Station.identity == STATIONS[0][0]))
            return first is not None and first.archived_at is None
        if db.scalar(select(Site.id).limit(1)) is not None:
            return False
        made = build(db, now)
        _keep(_file(settings), made)
    return True


def known(settings: Settings) -> list[DemoStation]:
    """Return the stations of a demo site that was built before; empty when there is none."""
    file = _file(settings)
    if not file.exists():
        return []
    return [DemoStation(**row) for row in json.loads(file.read_text(encoding="utf-8"))]


def build(db: Session, now: datetime) -> list[DemoStation]:
    """Build site, tariff, drivers, tags and stations; return the stations with passwords."""
    tenant = tenants.first(db, now=now)
    tenants.edit(
        *(db, SYSTEM, tenant),
        now=now,
        seller_name="Hafenstrom GmbH (a demo)",
        seller_address="Am Kai 7, 20457 Hamburg",
        seller_tax_number="DE000000000",
        seller_contact="billing@hafenstrom.example",
    )
    tariff = tariff_book.create(
        db, SYSTEM, tenant.id, name="Depot standard", definition=TARIFF, now=now
    )
    site = sites.add(
        *(db, SYSTEM, tenant.id),
        now=now,
        name=SITE,
        timezone="Europe/Berlin",
        currency="EUR",
        address="Am Kai 7, 20457 Hamburg",
        latitude=53.5413,
        longitude=9.9966,
        supply_limit_kw=Decimal(150),
        tariff_id=tariff.id,
    )
    cards = [_card(db, tenant, now, *person) for person in PEOPLE]
    made = []
    for number, (identity, name, power_w) in enumerate(STATIONS):
        station, password = stations.register(
            *(db, SYSTEM, tenant.id, site, identity),
            now=now,
            name=name,
            max_power_w=float(power_w),
            plug_type="CCS" if power_w > 22_000 else "Type 2",
        )
        card = cards[number % len(cards)]
        made.append(DemoStation(station.identity, password or "", power_w, card))
    return made


def _card(
    db: Session, tenant: Tenant, now: datetime, name: str, email: str, value: str, language: str
) -> str:
    driver = drivers.add(db, SYSTEM, tenant.id, now=now, name=name, email=email, language=language)
    tag = tags.add(
        db,
        SYSTEM,
        tenant.id,
        now=now,
        value=value,
        label=f"{name.split()[0]}'s card",
        driver_id=driver.id,
    )
    return tag.value


def _file(settings: Settings) -> Path:
    return settings.data_dir / "demo.json"


def _keep(file: Path, made: list[DemoStation]) -> None:
    file.unlink(missing_ok=True)
    handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as opened:
        json.dump([asdict(station) for station in made], opened, indent=1)
