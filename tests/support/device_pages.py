"""Fixtures of the pages about devices: a small network with a station of 1.6 and one of 2.1."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.domain.device import device_model
from app.domain.device.device_model import Told
from app.domain.device.variable_names import parse
from app.models import Command, Station, WorkerNode
from tests.support import seed
from worker.dialects import DIALECTS
from worker.ocpp.versions import Version


@dataclass
class Town:
    """The stations and who looks at them."""

    app: Any
    db: Session
    now: datetime
    made: seed.Seeded
    old: Station
    new: Station

    def client(self, role: str) -> Any:
        """A signed-in browser."""
        return seed.signed_in(self.app, self.made.people[role])

    def far(self) -> Any:
        """The browser of an operator whose sites hold none of these stations."""
        person = self.made.people["operator"]
        person.sites.append(self.made.sites["City Garage"])
        self.db.commit()
        client = seed.signed_in(self.app, person)
        # The test shares its session with the request: what it has loaded must not count.
        self.db.expunge_all()
        return client

    def reports(self, station: Station, **values: str | None) -> None:
        """Let a station have told some values, with `__` for what Python cannot spell."""
        names = {parse(key.replace("__", "/")): value for key, value in values.items()}
        told = [Told(name, value, writable=True) for name, value in names.items()]
        device_model.take(self.db, station, told, now=self.now)
        self.db.commit()

    def newest(self) -> Command | None:
        """The newest command."""
        self.db.expire_all()
        return self.db.scalar(select(Command).order_by(Command.id.desc()).limit(1))


@pytest.fixture
def town(app: Any, db: Session) -> Iterator[Town]:
    """The network; every station is connected."""
    now = seed.lately()
    made = seed.fill(db, now, history=0)
    for node in db.scalars(select(WorkerNode)):
        node.beat_at = now + timedelta(minutes=5)
    old, new = made.stations["CP-01"], made.stations["CP-03"]
    for station, version in ((old, Version.V16), (new, Version.V21)):
        station.protocol = f"ocpp{version.value}"
        station.supported_orders = [order.value for order in DIALECTS[version].orders]
    db.commit()
    yield Town(app, db, now, made, old, new)
