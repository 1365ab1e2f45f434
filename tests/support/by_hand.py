"""A tenant with one site whose rows a test adds one by one, for what Home says of them."""

from decimal import Decimal

from app.domain.ground.vocabulary import Activity, Availability, BillKind
from app.models import (
    Bill,
    ChargingSession,
    Connection,
    Connector,
    Receipt,
    Site,
    Station,
    Tenant,
    WorkerNode,
)
from app.queries.office import attention


class Network:
    """A tenant with one site, filled by hand."""

    def __init__(self, db, now, name="Ours"):
        self.db, self.now = db, now
        self.tenant = self.add(Tenant(name=name, created_at=now))
        self.site = self.add(
            Site(
                tenant_id=self.tenant.id, name=name, name_key=name.casefold(),
                timezone="Europe/Berlin", currency="EUR", supply_limit_kw=Decimal(40),
                created_at=now,
            )
        )  # fmt: skip
        if db.get(WorkerNode, "w") is None:
            self.add(WorkerNode(node="w", started_at=now, beat_at=now))
        self.count = 0

    def add(self, row):
        self.db.add(row)
        self.db.flush()
        return row

    def station(self, identity, *, online=True, **given):
        facts = {"connected_at": self.now, "last_seen_at": self.now, **given}
        facts = {"site_id": self.site.id, **facts}
        station = self.add(
            Station(
                tenant_id=self.tenant.id, identity=identity,
                identity_key=identity.casefold(), created_at=self.now, **facts,
            )
        )  # fmt: skip
        if online:
            open_ = Connection(station_id=station.id, node="w", address="10.0.0.1",
                               opened_at=self.now)  # fmt: skip
            station.connection_id = self.add(open_).id
        return station

    def plug(self, station, evse=1, availability="available", activity="none", **given):
        return self.add(
            Connector(
                station_id=station.id, evse=evse, availability=Availability(availability),
                activity=Activity(activity), status_at=self.now, **given,
            )
        )  # fmt: skip

    def session(self, station, started_at=None, **given):
        self.count += 1
        began = started_at or self.now
        if "last_power_w" in given:
            given = {"last_reading_at": self.now, **given}
        return self.add(
            ChargingSession(
                tenant_id=self.tenant.id, site_id=self.site.id, station_id=station.id, evse=1,
                start_key=str(self.count), token="04A2", timezone="Europe/Berlin",
                currency="EUR", started_at=began, start_received_at=began, **given,
            )
        )  # fmt: skip

    def bill(self, session, gross_minor, issued_at=None, **receipt):
        at = issued_at or self.now
        bill = self.add(
            Bill(
                tenant_id=self.tenant.id, site_id=self.site.id, session_id=session.id,
                driver_id=session.driver_id, sequence=1,
                number=f"{self.tenant.id}-{session.id}", kind=BillKind.BILL,
                currency="EUR", energy_wh=session.energy_wh, net_minor=gross_minor,
                tax_minor=0, gross_minor=gross_minor, issued_at=at,
                facts={"timezone": session.timezone},
            )
        )  # fmt: skip
        if receipt:
            self.add(
                Receipt(tenant_id=self.tenant.id, site_id=self.site.id, bill_id=bill.id,
                        message_id=f"<{bill.id}>", created_at=at, **receipt)
            )  # fmt: skip
        return bill

    def findings(self):
        self.db.flush()
        return attention.findings(self.db, tenant_id=self.tenant.id, now=self.now)

    def kinds(self):
        return [finding.kind for finding in self.findings()]
