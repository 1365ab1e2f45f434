"""Charge points of 2.0.1 and 2.1 written by others: the clients of the PyPI package `ocpp`."""

import itertools
from datetime import UTC, datetime
from typing import Any

from ocpp.routing import on
from ocpp.v21 import ChargePoint as Library21
from ocpp.v21 import call as call_21
from ocpp.v201 import ChargePoint as Library201
from ocpp.v201 import call as call_201
from ocpp.v201 import call_result

from tests.support.charge_point import ChargePoint, stamp

REGISTER = "Energy.Active.Import.Register"


class _Answers:
    """Friendly answers to commands; what was asked is noted."""

    asked: list[tuple[str, dict[str, Any]]]
    #: What GetTransactionStatus is answered with.
    status: dict[str, bool]

    @on("RequestStartTransaction")
    def on_start(self, **payload: Any) -> Any:
        self.asked.append(("RequestStartTransaction", payload))
        return call_result.RequestStartTransaction(status="Accepted")  # type: ignore[arg-type]

    @on("RequestStopTransaction")
    def on_stop(self, **payload: Any) -> Any:
        self.asked.append(("RequestStopTransaction", payload))
        return call_result.RequestStopTransaction(status="Accepted")  # type: ignore[arg-type]

    @on("GetTransactionStatus")
    def on_status(self, **payload: Any) -> Any:
        self.asked.append(("GetTransactionStatus", payload))
        return call_result.GetTransactionStatus(messages_in_queue=False, ongoing_indicator=False)

    @on("CostUpdated")
    def on_cost(self, **payload: Any) -> Any:
        self.asked.append(("CostUpdated", payload))
        return call_result.CostUpdated()


class Client201(_Answers, Library201):
    """The library's charge point of 2.0.1."""

    def __init__(self, *given: Any, asked: list[tuple[str, dict[str, Any]]], **named: Any):
        super().__init__(*given, **named)
        self.asked = asked


class Client21(_Answers, Library21):
    """The library's charge point of 2.1."""

    def __init__(self, *given: Any, asked: list[tuple[str, dict[str, Any]]], **named: Any):
        super().__init__(*given, **named)
        self.asked = asked


class ChargePoint201(ChargePoint):
    """One charger of 2.0.1: the same steps as one of 1.6, told in its own messages."""

    subprotocol = "ocpp2.0.1"
    client = Client201
    calls: Any = call_201

    def __init__(self, url: str, identity: str, password: str, *, twice: bool = False) -> None:
        super().__init__(url, identity, password, twice=twice)
        self._numbers = itertools.count()
        self.transaction = f"tx-{identity}"

    def boot(self) -> Any:
        """Send BootNotification; return its answer."""
        about = {"model": "Fortress", "vendor_name": "Acme"}
        return self.send(self.calls.BootNotification(charging_station=about, reason="PowerUp"))

    def status(self, status: str, connector: int = 1) -> Any:
        """Send StatusNotification; return its answer."""
        now = stamp(datetime.now(UTC))
        return self.send(
            self.calls.StatusNotification(
                timestamp=now, connector_status=status, evse_id=connector, connector_id=1
            )
        )

    def authorize(self, tag: str) -> Any:
        """Send Authorize; return its answer."""
        return self.send(self.calls.Authorize(id_token={"id_token": tag, "type": "ISO14443"}))

    def event(self, kind: str, trigger: str, at: datetime, **more: Any) -> Any:
        """Send a TransactionEvent with the next number; return its answer.

        `about` is what it tells of the transaction, `register` (Wh, context) a reading.
        """
        about = {"transaction_id": self.transaction, **more.pop("about", {})}
        if (register := more.pop("register", None)) is not None:
            wh, context = register
            sampled = {"value": wh, "measurand": REGISTER, "context": context}
            more["meter_value"] = [{"timestamp": stamp(at), "sampled_value": [sampled]}]
        return self.send(
            self.calls.TransactionEvent(
                event_type=kind,
                timestamp=stamp(at),
                trigger_reason=trigger,
                seq_no=more.pop("seq_no", None) or next(self._numbers),
                transaction_info=about,
                **more,
            )
        )

    def start(self, tag: str, meter_start_wh: int, at: datetime, connector: int = 1) -> Any:
        """Tell that a transaction began; return the answer."""
        return self.event(
            *("Started", "Authorized", at),
            evse={"id": connector, "connector_id": 1},
            id_token={"id_token": tag, "type": "ISO14443"},
            about={"charging_state": "Charging"},
            register=(meter_start_wh, "Transaction.Begin"),
        )

    def meter(self, transaction: Any, energy_wh: int, at: datetime, connector: int = 1) -> Any:
        """Tell a reading of the transaction; return the answer."""
        del transaction, connector
        reading = (energy_wh, "Sample.Periodic")
        return self.event("Updated", "MeterValuePeriodic", at, register=reading)

    def stop(self, transaction: Any, meter_stop_wh: int, at: datetime, tag: str = "") -> Any:
        """Tell that the transaction ended; return the answer."""
        del transaction, tag
        return self.event(
            *("Ended", "EVCommunicationLost", at),
            about={"stopped_reason": "EVDisconnected"},
            register=(meter_stop_wh, "Transaction.End"),
        )


class ChargePoint21(ChargePoint201):
    """One charger of 2.1."""

    subprotocol = "ocpp2.1"
    client = Client21
    calls = call_21
