"""Events of a 2.x transaction as a station would tell them, for tests of the domain."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy.orm import Session

from app.domain.charging.sessions import Taken, TransactionReport
from app.domain.ground.vocabulary import (
    Activity,
    ConnectorRef,
    MeterReport,
    Sample,
    StopReason,
    Token,
)
from app.domain.money import settlements

BEGAN = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
CARD = Token("04:A2:19:B0", "iso14443")
PLUG = ConnectorRef(1)


def register(minute: int, wh: int | str, context: str = "Sample.Periodic", **more: Any) -> Any:
    """A register reading, some minutes after the transaction began."""
    sample = Sample(
        "Energy.Active.Import.Register", Decimal(wh), "Wh", context=context, text=str(wh), **more
    )
    return MeterReport(BEGAN + timedelta(minutes=minute), (sample,))


def event(kind: str, seq_no: int, minute: int, *meters: Any, **more: Any) -> TransactionReport:
    """An event; `ref` is its transaction, `trigger` why it was sent."""
    at = more.pop("at", BEGAN + timedelta(minutes=minute))
    values: dict[str, Any] = {
        "transaction_ref": more.pop("ref", "tx-1"),
        "trigger": more.pop("trigger", "MeterValuePeriodic"),
        "raw_time": at.isoformat(),
        **more,
    }
    payload = {name: str(value) for name, value in values.items()} | {"meters": str(meters)}
    return TransactionReport(
        kind=kind, seq_no=seq_no, at=at, meters=meters, payload=payload, **values
    )


def cost_of(db: Session, taken: Taken, now: datetime) -> Decimal | None:
    """What a station is told of the cost when an event is answered."""
    [told] = settlements.tell_all(db, [taken], now)
    return told.cost


def charge(ref: str = "tx-1") -> list[TransactionReport]:
    """An ordinary transaction of an hour and 10 kWh; the car is full after fifty minutes."""
    ended = {"reason": StopReason.EV_DISCONNECTED, "word": "EVDisconnected"}
    return [
        event(
            *("started", 0, 0, register(0, 100_000, "Transaction.Begin")),
            ref=ref,
            token=CARD,
            connector=PLUG,
            activity=Activity.PREPARING,
            trigger="Authorized",
        ),
        event("updated", 1, 1, activity=Activity.CHARGING, ref=ref),
        event("updated", 2, 20, register(20, 104_000), ref=ref),
        event("updated", 3, 40, register(40, 109_000), ref=ref),
        event("updated", 4, 50, register(50, 110_000), activity=Activity.SUSPENDED_EV, ref=ref),
        event("ended", 5, 60, register(60, 110_000, "Transaction.End"), ref=ref, **ended),
    ]


def plugged_first() -> list[TransactionReport]:
    """A car is plugged in, and only then a card names the driver, the plug and the register."""
    return [
        event("started", 0, 0, trigger="CablePluggedIn", activity=Activity.PREPARING),
        event(
            *("updated", 1, 2, register(2, 100_000, "Transaction.Begin")),
            token=CARD,
            connector=PLUG,
            activity=Activity.CHARGING,
            trigger="Authorized",
        ),
        event("updated", 2, 30, register(30, 105_000)),
        event("ended", 3, 60, register(60, 110_000, "Transaction.End"), token=CARD),
    ]


def rebooted() -> list[TransactionReport]:
    """The station counts its events from zero again after a reboot."""
    begun = charge()
    return [
        *begun[:3],
        event("updated", 0, 30, register(30, 106_000), trigger="TxResumed"),
        event("updated", 1, 50, register(50, 110_000), activity=Activity.SUSPENDED_EV),
        event("ended", 2, 60, register(60, 110_000, "Transaction.End")),
    ]


def split() -> list[TransactionReport]:
    """Each reading comes phase by phase, in events of the same instant (E04.FR.09)."""

    def phases(minute: int, wh: int, context: str = "Sample.Periodic") -> list[Any]:
        return [register(minute, wh, context, phase=phase) for phase in ("L1", "L2", "L3")]

    first, last = phases(0, 30_000, "Transaction.Begin"), phases(60, 33_000, "Transaction.End")
    return [
        event("started", 0, 0, first[0], token=CARD, connector=PLUG),
        event("updated", 1, 0, first[1]),
        event("updated", 2, 0, first[2]),
        *(event("updated", 3 + place, 30, one) for place, one in enumerate(phases(30, 31_000))),
        event("updated", 6, 60, last[0]),
        event("updated", 7, 60, last[1]),
        event("ended", 8, 60, last[2]),
    ]


def stopped_by_another() -> list[TransactionReport]:
    """The one who ends it shows another card than the one who began it."""
    return [
        *charge()[:3],
        event("updated", 3, 55, trigger="stop_authorized", token=Token("OTHER", "iso14443")),
        event("ended", 4, 60, register(60, 110_000, "Transaction.End"), token=Token("OTHER")),
    ]


def interrupted() -> list[TransactionReport]:
    """The car takes a break."""
    told = [
        (10, 102_000, Activity.CHARGING),
        (20, 105_000, Activity.SUSPENDED_EV),
        (22, 105_000, Activity.CHARGING),
        (52, 110_000, Activity.SUSPENDED_EV),
    ]
    return [
        charge()[0],
        *(
            event("updated", number, minute, register(minute, wh), activity=activity)
            for number, (minute, wh, activity) in enumerate(told, 1)
        ),
        charge()[-1],
    ]


STREAMS = (charge, plugged_first, rebooted, split, stopped_by_another, interrupted)
