"""A small network with one plug, and charging sessions on it as their rows would be in life."""

import hashlib
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from sqlalchemy.orm import Session

from app.domain.ground.vocabulary import Activity, Availability, SessionState, StopReason
from app.domain.network import tenants
from app.models import (
    ChargingSession,
    Driver,
    MeterReading,
    Site,
    Station,
    StatusEvent,
    Tariff,
    TariffVersion,
)
from tests.support import apps

#: 0.50 to start, 0.40 per kWh, 0.10 per idle minute after 10; 19 % tax on top.
PRICES: dict[str, Any] = {
    "schema": 1,
    "currency": "EUR",
    "tax": {"mode": "exclusive", "percent": "19"},
    "components": [
        {"kind": "start", "price": "0.50"},
        {"kind": "energy", "price": "0.40"},
        {"kind": "idle", "price": "0.10", "grace_minutes": 10},
    ],
}
STARTED = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


@dataclass
class Network:
    """Rows that a session needs."""

    db: Session
    site: Site
    station: Station
    driver: Driver
    version: TariffVersion

    def session(self, **given: Any) -> ChargingSession:
        """Add a charging session: one hour, 10 kWh, the car full after 50 minutes."""
        count = self.db.query(ChargingSession).count()
        started = given.pop("started_at", STARTED)
        minutes, wh = given.pop("minutes", 60), Decimal(given.pop("wh", 10_000))
        ended = started + timedelta(minutes=minutes)
        values: dict[str, Any] = {
            "tenant_id": self.site.tenant_id,
            "site_id": self.site.id,
            "station_id": self.station.id,
            "evse": 1,
            # Each at a plug of its own: one plug's registers run on from session to session.
            "connector": 1 if "evse" in given else 1 + count,
            "start_key": f"start {count}",
            "transaction_ref": f"t{count}",
            "token": "04:A2:19:B0",
            "driver_id": self.driver.id,
            "timezone": self.site.timezone,
            "currency": "EUR",
            "tariff_version_id": self.version.id,
            "tariff_why": "It is the price of the site.",
            "started_at": started,
            "start_received_at": started,
            "meter_start_wh": Decimal(100_000),
            "meter_stop_wh": Decimal(100_000) + wh,
            "state": SessionState.ENDED,
            "ended_at": ended,
            "stop_received_at": ended,
            "stop_reason": StopReason.LOCAL,
            "flags": [],
        }
        row = ChargingSession(**{**values, **given})
        self.db.add(row)
        self.db.flush()
        return row

    def reading(self, session: ChargingSession, minute: int, wh: int, **given: Any) -> None:
        """Add a register reading, `wh` after the session's start."""
        at = session.started_at + timedelta(minutes=minute)
        register = Decimal(100_000 + wh)
        sample = ["Energy.Active.Import.Register", str(register), "Wh", None, None, None, False]
        values: dict[str, Any] = {
            "station_id": session.station_id,
            "session_id": session.id,
            "evse": 1,
            "taken_at": at,
            "received_at": at,
            "register_wh": register,
            "samples": [sample],
            "digest": hashlib.blake2b(f"{session.id} {at}".encode(), digest_size=16).hexdigest(),
        }
        self.db.add(MeterReading(**{**values, **given}))
        self.db.flush()

    def status(self, session: ChargingSession, minute: int, activity: Activity) -> None:
        """Add a status report of the session's plug."""
        at = session.started_at + timedelta(minutes=minute)
        self.db.add(
            StatusEvent(
                station_id=session.station_id,
                evse=session.evse,
                connector=session.connector,
                availability=Availability.OCCUPIED,
                activity=activity,
                status_word=activity.value,
                at=at,
                received_at=at,
            )
        )
        self.db.flush()


def network(db: Session, **driver: Any) -> Network:
    """Add a site, a station, a driver and a tariff; nothing is committed."""
    tenant = tenants.first(db, now=STARTED)
    tariff = Tariff(
        tenant_id=tenant.id, name="Kerb", name_key="kerb", currency="EUR", created_at=STARTED
    )
    site = Site(
        tenant_id=tenant.id,
        name="Depot",
        name_key="depot",
        address="Hafenstraße 12, Hamburg",
        timezone="Europe/Berlin",
        currency="EUR",
        created_at=STARTED,
    )
    who: dict[str, Any] = {"name": "Ada Lovelace", "email": "ada@example.org", "language": "en"}
    who.update(driver)
    ada = Driver(tenant_id=tenant.id, email_key=who["email"], created_at=STARTED, **who)
    db.add_all([tariff, site, ada])
    db.flush()
    version = TariffVersion(
        tariff_id=tariff.id, number=3, definition=PRICES, created_at=STARTED, created_by="Grace"
    )
    station = Station(
        tenant_id=tenant.id,
        site_id=site.id,
        identity="CP-1",
        identity_key="cp-1",
        max_power_w=22_000,
        created_at=STARTED,
    )
    db.add_all([version, station])
    db.flush()
    return Network(db, site, station, ada, version)


@pytest.fixture
def net(db: Session) -> Network:
    """A site, a station, a driver and a tariff."""
    return network(db)


@pytest.fixture
def any_app(
    database: str, migrated: Path, tmp_path: Path, request: pytest.FixtureRequest
) -> Iterator[Flask]:
    """An application on an empty, migrated database: once on SQLite, once on PostgreSQL.

    Its API counts nobody's requests: walks over all routes make thousands.
    """
    given = {}
    if database == "sqlite":
        shutil.copy(migrated, tmp_path / "ampdesk.sqlite3")
    else:
        given["database_url"] = request.getfixturevalue("postgres_url")
    with apps.running(tmp_path, api_rate="", **given) as app:
        yield app
