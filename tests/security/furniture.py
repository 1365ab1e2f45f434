"""One row of everything that a station can hold, so that nobody tells of it to the wrong people."""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.domain.ground.vocabulary import (
    AlertKind,
    BroadcastState,
    FileJobKind,
    Order,
    ReportKind,
    ReservationState,
)
from app.models import (
    Alert,
    AlertRule,
    AuthorityCertificate,
    BatterySwap,
    Bill,
    Broadcast,
    BroadcastTarget,
    ChargingProfile,
    CompositeSchedule,
    CustomerReport,
    DerControl,
    DeviceEvent,
    DisplayMessage,
    DriverQuestion,
    EvNeeds,
    FileJob,
    FirmwareFile,
    LocalList,
    NotedFault,
    OwnRole,
    ReportSchedule,
    Reservation,
    Settlement,
    Station,
    StationCertificate,
    StationProfile,
    StationTariff,
    StationVariable,
    TransactionEvent,
    User,
    VariableMonitor,
    WebhookDelivery,
    WebhookEndpoint,
)

#: A profile as the library keeps it.
DOCUMENT = {
    "purpose": "default",
    "kind": "absolute",
    "stack_level": 0,
    "unit": "A",
    "periods": [{"start_s": 0, "limit": "16.0"}],
}


def furnish(db: Session, tenant_id: int, now: datetime) -> None:
    """Give a tenant a library, and every station of its one row of each kind."""
    db.add(ChargingProfile(tenant_id=tenant_id, name="Night", document=DOCUMENT, created_at=now))
    db.add(
        OwnRole(
            tenant_id=tenant_id,
            name="Bookkeepers",
            name_key="accounting",
            rights={"money": "read"},
            created_at=now,
        )
    )
    db.add(
        FirmwareFile(
            tenant_id=tenant_id,
            name="fw.bin",
            version="2.0",
            stored_as=f"firmware-{tenant_id}",
            size_bytes=1,
            sha256="0" * 64,
            md5="0" * 32,
            created_by="seed",
            created_at=now,
        )
    )
    db.add(
        AuthorityCertificate(
            tenant_id=tenant_id,
            name="Root",
            use="v2g_root",
            pem="-",
            subject="CN=Root",
            serial_number="1",
            fingerprint=f"{tenant_id:064}",
            starts_at=now,
            expires_at=now + timedelta(days=1),
            created_at=now,
        )
    )
    rule = _tellers(db, tenant_id, now)
    db.add(
        ReportSchedule(
            tenant_id=tenant_id,
            name="Month",
            name_key="month",
            kind=ReportKind.ENERGY,
            by="site",
            every="month",
            file_format="pdf",
            timezone="UTC",
            recipients=["board@example.com"],
            outside=["board@example.com"],
            next_run_at=now,
            user_id=db.scalar(select(User.id).where(User.tenant_id == tenant_id).limit(1)),
            created_at=now,
        )
    )
    broadcast = Broadcast(
        tenant_id=tenant_id,
        order=Order.CLEAR_CACHE,
        arguments={},
        filter={},
        state=BroadcastState.DONE,
        requested_by="seed",
        created_at=now,
    )
    db.add(broadcast)
    db.flush()
    for station in db.scalars(select(Station).where(Station.tenant_id == tenant_id)).all():
        db.add_all(_rows(station, now))
        db.add(
            Alert(
                tenant_id=tenant_id,
                site_id=station.site_id,
                station_id=station.id,
                rule_id=rule.id,
                kind=AlertKind.STATION_OFFLINE,
                subject=str(station.id),
                what=f"{station.identity} is offline",
                began_at=now,
                opened_at=now,
            )
        )
        db.add(
            BroadcastTarget(
                broadcast_id=broadcast.id, station_id=station.id, state="accepted", sentence="Done."
            )
        )
    db.flush()


def _tellers(db: Session, tenant_id: int, now: datetime) -> AlertRule:
    """A rule, and a webhook with a delivery."""
    rule = AlertRule(
        tenant_id=tenant_id,
        name="Gone",
        name_key=f"gone {tenant_id}",
        kind=AlertKind.STATION_OFFLINE,
        created_at=now,
    )
    endpoint = WebhookEndpoint(
        tenant_id=tenant_id,
        name="Portal",
        name_key=f"portal {tenant_id}",
        url="https://example.com/hook",
        events={"session.ended": now.isoformat()},
        secret="-",
        created_at=now,
    )
    db.add_all([rule, endpoint])
    db.flush()
    db.add(
        WebhookDelivery(
            tenant_id=tenant_id,
            endpoint_id=endpoint.id,
            event="session.ended",
            key=f"session.ended:{tenant_id}",
            message_id=f"msg_{tenant_id}",
            body="{}",
            next_try_at=now,
            happened_at=now,
            created_at=now,
        )
    )
    return rule


def ask(db: Session, tenant_id: int, now: datetime) -> None:
    """Have a driver ask about a bill of each site."""
    bills = {bill.site_id: bill for bill in db.scalars(select(Bill).filter_by(tenant_id=tenant_id))}
    for site_id, bill in bills.items():
        asked = {"text": "Why?", "recipient": "ada@example.org", "asked_at": now}
        db.add(DriverQuestion(tenant_id=tenant_id, site_id=site_id, bill_id=bill.id, **asked))
    db.flush()


def _rows(station: Station, now: datetime) -> list[Any]:
    own: dict[str, Any] = {"station_id": station.id}
    kept = {**own, "tenant_id": station.tenant_id, "created_by": "seed", "created_at": now}
    later = now + timedelta(hours=1)
    place = {"component": "EVSE", "variable": "Power"}
    return [
        Reservation(**kept, evse=1, token="04AA", state=ReservationState.ACTIVE, expires_at=later),
        FileJob(**kept, kind=FileJobKind.FIRMWARE, expires_at=later),
        NotedFault(**own, text="Display cracked", photo="photo", noted_by="seed", noted_at=now),
        StationVariable(**own, **place, key=f"evse power {station.id}", value="1"),
        VariableMonitor(
            **own, **place, number=1, kind="delta", value="1", severity=5, changed_at=now
        ),
        DeviceEvent(
            **own,
            **place,
            number=1,
            at=now,
            received_at=now,
            trigger="alerting",
            origin="hard_wired_notification",
            value="1",
        ),
        DisplayMessage(**own, number=1, priority="normal", text="Hello", changed_at=now),
        LocalList(**own, version=1, entries=[], accepted_at=now),
        StationCertificate(
            **own,
            use="station",
            state="accepted",
            csr="-",
            pem="-",
            expires_at=now + timedelta(days=1),
            created_at=now,
            changed_at=now,
        ),
        StationTariff(**own, number="1", document={}, changed_at=now),
        CustomerReport(**own, request_id=1, text="Ada", received_at=now),
        StationProfile(**own, document=DOCUMENT, created_at=now),
        CompositeSchedule(
            **own, evse=1, unit="A", starts_at=now, duration_s=60, periods=[], received_at=now
        ),
        EvNeeds(
            **own,
            evse=1,
            transfer="ac_three_phase",
            needs={},
            answer="accepted",
            why="It fits.",
            received_at=now,
        ),
        DerControl(
            **own, number="c1", kind="freq_droop", document={}, state="accepted", changed_at=now
        ),
        Settlement(
            **own, psp_reference="p1", state="settled", amount=1, settled_at=now, received_at=now
        ),
        BatterySwap(
            **own,
            request_number=1,
            step="in",
            token="04AA",
            token_kind="id_tag",
            batteries=[],
            received_at=now,
        ),
        TransactionEvent(
            **own,
            transaction_ref="t1",
            kind="started",
            seq_no=0,
            trigger="Authorized",
            at=now,
            received_at=now,
            payload={},
            digest=f"{station.id:032}",
        ),
    ]
