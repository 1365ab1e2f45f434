"""Charging sessions: their readings, the events and stops that stations told, and battery swaps."""

from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from sqlalchemy import (
    BigInteger,
    Column,
    ForeignKey,
    Index,
    String,
    Table,
    UniqueConstraint,
    cast,
    event,
    inspect,
    literal_column,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.domain.ground.vocabulary import Activity, BillingState, SessionState, StopReason
from app.models.base import (
    ROOM_BESIDE,
    AtStation,
    Base,
    BigId,
    Id,
    SiteOwned,
    StationOwned,
    WattHours,
    Word,
    choice,
)

if TYPE_CHECKING:
    from app.models.bills import Bill
    from app.models.sites import Site
    from app.models.stations import Station
    from app.models.tags import Driver, Tag
    from app.models.tariffs import TariffVersion


class ChargingSession(SiteOwned, AtStation, Base):
    """A charging session from its start to its bill.

    `transaction_ref` is OCPP's transaction id as text: the row's own id for 1.6, the station's
    text for 2.x; it is only ever looked up within the station. `start_key` is the business key
    of the start (FIELD X1), so that a repeated start finds the same row. `provisional` marks an
    end that we assumed; a late stop may replace it. `flags` are codes of
    `app.domain.charging.energy.EnergyFlag` and of doubts about the session itself. `idle_since`
    is when charging ended while the plug stayed in. `last_seq_no` is the greatest sequence
    number of a 2.x transaction's events, `last_event_at` the latest time of one (None: what
    they tell together has to be told anew); `bill_after` is until when a bill waits for events
    that are still missing (None: for none). `weighed_apart_wh` is how far from its registers
    the live energy of such a transaction was weighed, where its readings speak against them.
    `revision` counts how often what a bill rests on was written anew; what a billed session's
    row said before is kept in `session_revisions`. `claimed_started_at` is the station's own
    time of the start where another is used; `first_register_wh` the first register that was
    read, which live energy counts from where no start told one. One whose `state` is no_show
    stands for an unused reservation, from when the plug was kept to its end:
    nothing was charged, and it is no session where such are counted. `site` is where it was,
    wherever its station stands since. `late_evidence_at` is when something arrived after its
    money was decided about (None: all that arrived has been weighed); `decided_wh` and
    `decided_minor` are what the evidence came to when it was weighed last.
    """

    __tablename__ = "charging_sessions"
    _counted = ("tenant_id", "site_id", "state")  # A driver's sessions are, without their rows.
    __table_args__ = (
        UniqueConstraint("station_id", "transaction_ref"),
        UniqueConstraint("station_id", "start_key"),
        Index("ix_charging_sessions_tenant_started", "tenant_id", "started_at"),
        Index("ix_charging_sessions_station_state", "station_id", "state"),
        Index("ix_charging_sessions_driver_started", "driver_id", "started_at", *_counted),
        Index("ix_charging_sessions_plug", "station_id", "evse", "connector", "started_at"),
        Index("ix_charging_sessions_station_started", "station_id", "started_at"),
        Index("ix_charging_sessions_register", "station_id", "meter_start_wh"),
        Index("ix_charging_sessions_billing", "billing", "state"),
        Index("ix_charging_sessions_stop_received_at", "stop_received_at"),
        Index("ix_charging_sessions_late_evidence_at", "late_evidence_at"),
        # Few among many; a query says so as `RUNNING` and `FLAGGED` do.
        *(
            Index(
                *(f"ix_charging_sessions_{name}", "tenant_id", "started_at"),
                sqlite_where=text(which),
                postgresql_where=text(which),
            )
            for name, which in (
                ("running", "state = 'charging'"),
                ("no_show", "state = 'no_show'"),
                ("flagged", "CAST(flags AS VARCHAR) <> '[]'"),
            )
        ),
        # So are those without a stop, and those whose card was refused.
        *(
            Index(
                *(f"ix_charging_sessions_{name}", "tenant_id", "started_at"),
                sqlite_where=text(f"{name} IS 1"),
                postgresql_where=text(f"{name} IS true"),
            )
            for name in ("provisional", "unauthorised")
        ),
        # For whom a number that stands on a charger's display is all they have.
        Index("ix_charging_sessions_transaction_ref", "transaction_ref"),
        {"sqlite_autoincrement": True, **ROOM_BESIDE},
    )

    id: Mapped[Id]
    evse: Mapped[int]
    connector: Mapped[int] = mapped_column(default=1)
    transaction_ref: Mapped[str | None] = mapped_column(String(64))
    start_key: Mapped[str] = mapped_column(String(120))
    state: Mapped[SessionState] = mapped_column(choice(SessionState), default=SessionState.CHARGING)
    billing: Mapped[BillingState] = mapped_column(choice(BillingState), default=BillingState.OPEN)

    token: Mapped[str] = mapped_column(String(255))
    tag_id: Mapped[int | None] = mapped_column(BigId, ForeignKey("tags.id"), index=True)
    driver_id: Mapped[int | None] = mapped_column(BigId, ForeignKey("drivers.id"))
    unauthorised: Mapped[bool] = mapped_column(default=False)
    token_kind: Mapped[str] = mapped_column(String(40), default="id_tag")
    remote_command_id: Mapped[int | None] = mapped_column(BigId)
    reservation_id: Mapped[int | None] = mapped_column(BigId)
    last_seq_no: Mapped[int | None]
    last_event_at: Mapped[datetime | None]
    bill_after: Mapped[datetime | None]
    late_evidence_at: Mapped[datetime | None]
    decided_wh: Mapped[Decimal | None] = mapped_column(WattHours)
    decided_minor: Mapped[int | None] = mapped_column(BigInteger)

    timezone: Mapped[str] = mapped_column(String(64))
    currency: Mapped[str] = mapped_column(String(3))
    tariff_version_id: Mapped[int | None] = mapped_column(BigId, ForeignKey("tariff_versions.id"))
    tariff_why: Mapped[str | None] = mapped_column(String(300))

    started_at: Mapped[datetime]
    start_received_at: Mapped[datetime]
    claimed_started_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]
    stop_received_at: Mapped[datetime | None]
    meter_start_wh: Mapped[Decimal | None] = mapped_column(WattHours)
    meter_stop_wh: Mapped[Decimal | None] = mapped_column(WattHours)
    stop_reason: Mapped[StopReason | None] = mapped_column(choice(StopReason))
    stop_word: Mapped[str | None] = mapped_column(String(40))
    stop_token: Mapped[str | None] = mapped_column(String(255))
    provisional: Mapped[bool] = mapped_column(default=False)

    energy_wh: Mapped[Decimal] = mapped_column(WattHours, default=Decimal(0))
    weighed_apart_wh: Mapped[Decimal | None] = mapped_column(WattHours)
    first_register_wh: Mapped[Decimal | None] = mapped_column(WattHours)
    last_register_wh: Mapped[Decimal | None] = mapped_column(WattHours)
    last_power_w: Mapped[float | None]
    last_soc_percent: Mapped[float | None]
    last_reading_at: Mapped[datetime | None]
    idle_since: Mapped[datetime | None]
    flags: Mapped[list[Any]] = mapped_column(default=list)
    revision: Mapped[int] = mapped_column(default=0, server_default="0")

    site: Mapped["Site"] = relationship()
    station: Mapped["Station"] = relationship()
    tag: Mapped["Tag | None"] = relationship()
    driver: Mapped["Driver | None"] = relationship()
    tariff_version: Mapped["TariffVersion | None"] = relationship()
    bills: Mapped[list["Bill"]] = relationship(back_populates="session", order_by="Bill.id")


class MeterReading(StationOwned, Base):
    """What a station reported of its meters at one instant: one row per meterValue.

    `register_wh` is the billing register of that instant (outlet, unphased or
    the sum of the phases) and None where it held no energy.  `samples` keeps
    every sampled value: [measurand, value text, unit, phase, location,
    context, signed].  `digest` makes a replayed reading the same row (FIELD M6).
    Nothing looks readings up by their station: it has no index of its own.
    """

    __tablename__ = "meter_readings"
    __table_args__ = (
        UniqueConstraint("digest", "station_id"),
        Index("ix_meter_readings_session", "session_id", "taken_at"),
    )

    id: Mapped[Id]
    station_id: Mapped[int] = mapped_column(BigId, ForeignKey("stations.id"))
    session_id: Mapped[int | None] = mapped_column(BigId)
    evse: Mapped[int]
    taken_at: Mapped[datetime]
    received_at: Mapped[datetime]
    register_wh: Mapped[Decimal | None] = mapped_column(WattHours)
    power_w: Mapped[float | None]
    current_a: Mapped[float | None]
    voltage_v: Mapped[float | None]
    soc_percent: Mapped[float | None]
    assumed_time: Mapped[bool] = mapped_column(default=False)
    samples: Mapped[list[Any]]
    digest: Mapped[str] = mapped_column(String(32))


class StrayStop(StationOwned, Base):
    """A stop that belongs to no session we know; acknowledged, kept, and reviewed.

    `outcome` is unmatched, matched, duplicate or dismissed.
    """

    __tablename__ = "stray_stops"

    id: Mapped[Id]
    transaction_ref: Mapped[str] = mapped_column(String(64))
    token: Mapped[str | None] = mapped_column(String(255))
    meter_stop_wh: Mapped[Decimal | None] = mapped_column(WattHours)
    ended_at: Mapped[datetime]
    received_at: Mapped[datetime]
    reason: Mapped[str | None] = mapped_column(String(40))
    payload: Mapped[dict[str, Any]]
    digest: Mapped[str] = mapped_column(String(32), index=True)
    count: Mapped[int] = mapped_column(default=1)
    session_id: Mapped[int | None] = mapped_column(BigId)
    outcome: Mapped[str] = mapped_column(String(20), default="unmatched")
    sentence: Mapped[str] = mapped_column(String(300), default="")


#: The condition of the index of those that run: a parameter in it would hide it from SQLite.
RUNNING = ChargingSession.state == literal_column("'charging'")
#: The same of those with a flag.
FLAGGED = cast(ChargingSession.flags, String) != literal_column("'[]'")
#: Those in which a car charged, or tried to: no reservations that ran out unused.
CHARGED = ChargingSession.state != literal_column("'no_show'")


# What the row of a billed session said before it was told anew.
# The database itself fills the table, by a trigger: no program can forget it.

#: What of a session's row a bill rests on: who, where, when, the registers and the price.
KEPT = (
    *("tenant_id", "site_id", "station_id", "evse", "connector", "transaction_ref", "start_key"),
    *("token", "token_kind", "tag_id", "driver_id", "unauthorised"),
    *("timezone", "currency", "tariff_version_id"),
    *("started_at", "start_received_at", "ended_at", "stop_reason", "provisional"),
    *("meter_start_wh", "meter_stop_wh"),
)

_KEPT = frozenset(KEPT)
_SESSION: Any = ChargingSession.__table__

#: One row per revision that a bill may rest on and that no longer stands in the session's row.
session_revisions = Table(
    "session_revisions",
    Base.metadata,
    Column("id", BigId, primary_key=True, autoincrement=True),
    Column("session_id", BigId, nullable=False),
    Column("revision", _SESSION.c.revision.type, nullable=False),
    *(Column(name, _SESSION.c[name].type, nullable=_SESSION.c[name].nullable) for name in KEPT),
    UniqueConstraint("session_id", "revision"),
)


@event.listens_for(ChargingSession, "before_update")
def _count(_mapper: Any, _connection: Any, session: ChargingSession) -> None:
    """Count a new revision; the database refuses to change a billed session without one."""
    state = inspect(session)
    # What was never set since it was read has not changed: most rows are done with here.
    touched = _KEPT.intersection(state.committed_state)
    if any(state.attrs[name].history.has_changes() for name in touched):
        kind: Any = ChargingSession
        session.revision = kind.revision + 1


# What 2.x stations tell of a transaction, event by event, as it came.


class TransactionEvent(StationOwned, Base):
    """One TransactionEvent; the same one again is the same row (`digest`, FIELD X17).

    `kind` is started, updated or ended; `at` the station's time of the event;
    `payload` the message as it was received, secrets blotted out.  What it tells
    of the session stands in columns of its own and, in the domain's words, in
    `facts`; `answer` is what was decided about its tag.
    """

    __tablename__ = "transaction_events"
    __table_args__ = (
        UniqueConstraint("station_id", "digest"),
        Index("ix_transaction_events_session", "session_id"),
    )

    id: Mapped[Id]
    transaction_ref: Mapped[str] = mapped_column(String(64))
    session_id: Mapped[int | None] = mapped_column(BigId)
    kind: Mapped[Word]
    seq_no: Mapped[int]
    trigger: Mapped[str] = mapped_column(String(40))
    at: Mapped[datetime]
    received_at: Mapped[datetime]
    offline: Mapped[bool] = mapped_column(default=False)
    evse: Mapped[int | None]
    connector: Mapped[int | None]
    token: Mapped[str | None] = mapped_column(String(255))
    token_kind: Mapped[str | None] = mapped_column(String(40))
    activity: Mapped[Activity | None] = mapped_column(choice(Activity))
    facts: Mapped[dict[str, Any]] = mapped_column(default=dict)
    answer: Mapped[dict[str, Any]] = mapped_column(default=dict)
    payload: Mapped[dict[str, Any]]
    digest: Mapped[str] = mapped_column(String(32))


# Batteries that were put into and taken out of a swap station (2.1 block S).


class BatterySwap(StationOwned, Base):
    """One step of a swap; the steps of one swap share `request_number`.

    `step` is in, out or out_timed_out; `batteries` are objects with slot,
    serial, charge_percent, health_percent, made_at and vendor_info.
    """

    __tablename__ = "battery_swaps"
    __table_args__ = (Index("ix_battery_swaps_station_request", "station_id", "request_number"),)

    id: Mapped[Id]
    request_number: Mapped[int]
    step: Mapped[Word]
    token: Mapped[str] = mapped_column(String(255))
    token_kind: Mapped[str] = mapped_column(String(40))
    tag_id: Mapped[int | None] = mapped_column(BigId)
    driver_id: Mapped[int | None] = mapped_column(BigId)
    command_id: Mapped[int | None] = mapped_column(BigId)
    batteries: Mapped[list[Any]]
    received_at: Mapped[datetime]
