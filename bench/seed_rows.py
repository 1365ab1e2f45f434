"""What stands in a database that `bench.seed` fills, table by table."""

import json
from datetime import timedelta
from typing import Any

from sqlalchemy import JSON, case, func, literal, literal_column

from app import models
from app.domain.ground.vocabulary import Order
from bench.filling import ENERGY, HOUR_S, READINGS, WHO, YEARS_S, ZONE, Filling


def places(made: Filling) -> None:
    n, size, now = made.n, made.size, made.now
    long_ago = now - timedelta(seconds=YEARS_S)
    shared: dict[str, Any] = {"tenant_id": made.tenant_id, "created_at": long_ago}
    made.put(
        *(models.Site, made.sites),
        **shared,
        id=n,
        name=made.text("Site ", n),
        name_key=made.text("site ", n),
        timezone=ZONE,
        currency="EUR",
        tariff_id=1,
    )
    made.put(
        *(models.Station, size.stations),
        **shared,
        id=n,
        site_id=made.turn(made.sites),
        identity=made.text("BENCH-", 100_000 + n),
        identity_key=made.text("bench-", 100_000 + n),
        name=made.text("Row ", n),
        vendor=made.in_turn("Alfen", "ABB", "Kempower"),
        model="Eve Double Pro",
        serial=made.text("ACE", n),
        serial_key=made.text("ace", n),
        field_code=made.text("field", n),
        protocol="ocpp1.6",
        supported_orders=[order.value for order in Order],
        firmware="6.4.0-4210",
        connection_id=n,
        connected_at=now,
        last_seen_at=now,
        last_boot_at=now,
        max_power_w=22_000.0,
    )


def plugs(made: Filling) -> None:
    """What stations have, and their open sockets."""
    n, size, now = made.n, made.size, made.now
    made.put(
        *(models.Connection, size.stations),
        id=n,
        station_id=n,
        node="bench",
        address="198.51.100.20",
        protocol="ocpp1.6",
        opened_at=now,
    )
    made.put(
        *(models.Connector, size.stations * 2),
        station_id=(n + 1) // 2,
        evse=2 - n % 2,
        plug_type="Type 2",
        max_power_w=22_000.0,
        status_word="Available",
        availability=made.rarely("faulted", 200, "available"),
        status_at=now,
    )
    made.put(
        *(models.StationVariable, size.settings),
        station_id=made.turn(size.stations),
        key=made.text("setting ", n),
        variable=made.text("Setting", n),
        value="300",
        reported_at=now,
    )
    made.put(
        *(models.Deviation, size.stations // 2),
        station_id=n * 2,
        code="late_clock",
        count=n,
        first_at=now - timedelta(seconds=YEARS_S),
        last_at=now,
    )


def people(made: Filling) -> None:
    n, count = made.n, made.size.stations * 2
    shared: dict[str, Any] = {"tenant_id": made.tenant_id, "created_at": made.now}
    address = made.text("driver", n, "@example.org")
    made.put(
        *(models.Driver, count),
        **shared,
        id=n,
        name=made.text("Driver ", n),
        email=address,
        email_key=address,
    )
    card = made.text("04A219", 1_000_000 + n)
    made.put(
        *(models.Tag, count),
        **shared,
        id=n,
        value=card,
        key=func.lower(card),
        bare_key=func.lower(card),
        driver_id=n,
    )


def sessions(made: Filling, version_id: int) -> None:
    n, size = made.n, made.size
    begun = made.spread(size.sessions) + HOUR_S
    real = size.sessions - made.running
    runs, held = n > real, n % 2_000 == 0
    past = case((runs, None), else_=made.ago(begun - HOUR_S))
    register = (n - 1) // size.stations * ENERGY
    made.put(
        *(models.ChargingSession, size.sessions),
        id=n,
        tenant_id=made.tenant_id,
        site_id=made.site(),
        station_id=made.turn(size.stations),
        evse=1,
        transaction_ref=made.text(n),
        start_key=made.text("past|", n),
        token=made.text("04A219", 1_000_000 + made.holder()),
        tag_id=made.holder(),
        driver_id=made.holder(),
        state=case((runs, "charging"), else_="ended"),
        billing=case(
            (runs, "open"),
            (n == size.sessions - made.running, "open"),
            (held, "held"),
            else_="billed",
        ),
        timezone=ZONE,
        currency="EUR",
        tariff_version_id=version_id,
        tariff_why="The price of the site.",
        started_at=made.ago(begun),
        start_received_at=made.ago(begun),
        ended_at=past,
        stop_received_at=past,
        meter_start_wh=register,
        energy_wh=literal_column(str(ENERGY)),
        meter_stop_wh=case((runs, None), else_=register + ENERGY),
        last_register_wh=register + ENERGY,
        last_reading_at=made.ago(begun - HOUR_S),
        stop_reason=case((runs, None), else_="local"),
        last_power_w=11_040.0,
        flags=case((n % 50 == 0, literal(["stop_missing"], JSON)), else_=literal([], JSON)),
    )


def readings(made: Filling) -> None:
    """The readings of the newest sessions."""
    n, size = made.n, made.size
    number = (n - 1) % READINGS + 1
    session = size.sessions - (size.readings - n) // READINGS
    begun = made.spread(size.sessions, session) + HOUR_S - number * (HOUR_S / READINGS)
    measured = ["Energy.Active.Import.Register", "1234.5", "Wh", None, "Outlet", None, False]
    made.put(
        *(models.MeterReading, size.readings),
        station_id=(session - 1) % size.stations + 1,
        session_id=session,
        evse=1,
        taken_at=made.ago(begun),
        received_at=made.ago(begun),
        register_wh=(session - 1) // size.stations * ENERGY + number * (ENERGY // READINGS),
        power_w=11_040.0,
        current_a=16.0,
        voltage_v=230.0,
        samples=[measured] * 4,
        digest=made.text(10_000_000 + session, "-", number),
    )


def messages(made: Filling) -> None:
    n, size = made.n, made.size
    sampled = {"value": "1234.5", "measurand": "Energy.Active.Import.Register", "unit": "Wh"}
    meter_value = {"timestamp": "2026-03-02T09:00:00Z", "sampledValue": [sampled] * 2}
    payload = {"connectorId": 1, "transactionId": 4711, "meterValue": [meter_value]}
    made.put(
        *(models.Message, size.messages),
        station_id=made.turn(size.stations),
        message_id=made.text("m-", n),
        request=json.dumps(payload),
        action=made.in_turn("MeterValues", "Heartbeat", "StatusNotification"),
        response="{}",
        outcome=made.rarely("refused", 500, "answered"),
        at=made.ago(made.spread(size.messages)),
        latency_ms=3.2,
    )


def taps(made: Filling) -> None:
    """Taps and statuses."""
    size, station = made.size, made.turn(made.size.stations)
    tenant = {"tenant_id": made.tenant_id}
    at = made.ago(made.spread(size.taps))
    made.put(
        *(models.Authorisation, size.taps),
        **tenant,
        station_id=station,
        token=made.text("04A219", 1_000_000 + made.holder()),
        tag_id=made.holder(),
        occasion="start",
        verdict="accepted",
        reason="listed",
        sentence="The card is active and may charge here.",
        at=at,
    )
    at = made.ago(made.spread(size.statuses))
    made.put(
        *(models.StatusEvent, size.statuses),
        station_id=station,
        evse=1,
        availability="available",
        activity="none",
        status_word="Available",
        at=at,
        received_at=at,
    )


def orders(made: Filling) -> None:
    """Orders, and what staff changed."""
    n, size, station = made.n, made.size, made.turn(made.size.stations)
    tenant = {"tenant_id": made.tenant_id}
    at = made.ago(made.spread(size.orders))
    made.put(
        *(models.Command, size.orders),
        **tenant,
        id=n,
        station_id=station,
        order="reset",
        arguments={"kind": "soft"},
        action="Reset",
        state=made.in_turn("accepted", "accepted", "timed_out"),
        requested_by=WHO,
        requested_at=at,
        expires_at=at,
        sent_at=at,
        settled_at=at,
        latency_ms=80.0,
        request={"type": "Soft"},
        answer={"status": "Accepted"},
    )
    at = made.ago(made.spread(size.audit))
    made.put(
        *(models.AuditEntry, size.audit),
        **tenant,
        at=at,
        actor=WHO,
        user_id=1,
        action=made.in_turn("station.edit", "tag.edit"),
        subject_kind="station",
        subject_id=station,
        subject=made.text("BENCH-", station),
        before={"name": "Row 1"},
        after={"name": "Row 2"},
    )
