"""Events of a 2.x transaction as a station would tell them, for tests of the domain."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from app.domain.sessions import TransactionReport
from app.domain.vocabulary import Activity, ConnectorRef, MeterReport, Sample, StopReason, Token

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
