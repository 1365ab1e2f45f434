"""Calls of stations of every version, drawn at random: each a word that its version spells."""

from datetime import timedelta
from typing import Any

from hypothesis import strategies as st

from worker.ocpp.fields import format_instant
from worker.ocpp.versions import Version

#: Tags that are on the list; nobody knows "STRANGE".
NAMES = ["DRIVER", "MATE", "OTHER", "ONCE"]
_CARDS = st.sampled_from([*NAMES[:3], "STRANGE"])
_MINUTES = st.sampled_from([0, 0, 0, 0, -3, -30, -400, 120, -30_000_000])
_WH = st.integers(0, 12).map(lambda step: 100_000 + 1_000 * step)
_STATES = st.sampled_from([None, "Charging", "SuspendedEV", "SuspendedEVSE", "Idle"])

#: What a station says: a kind of word, and what goes into it.
starts = st.tuples(st.just("start"), _CARDS, _WH, st.just(0), st.just(1))
talks = st.one_of(
    st.tuples(st.just("tap"), _CARDS),
    st.tuples(st.just("start"), _CARDS, _WH, _MINUTES, st.integers(1, 2)),
    starts,
    st.tuples(st.just("progress"), st.none() | _CARDS, _WH, _MINUTES, _STATES, st.booleans()),
    st.tuples(st.just("progress"), st.none(), _WH, st.just(0), _STATES, st.just(False)),
    st.tuples(st.just("end"), st.none() | _CARDS, _WH, _MINUTES, st.booleans()),
    st.tuples(st.just("again"), st.integers(1, 3)),
    st.tuples(st.just("status"), st.integers(0, 2), st.booleans(), _MINUTES),
    st.tuples(st.just("boot"), st.sampled_from(["1.0", "2.0"])),
    st.tuples(st.just("beat")),
)


def _reading(at: str, wh: int, context: str) -> dict[str, Any]:
    sample = {"value": wh, "measurand": "Energy.Active.Import.Register", "context": context}
    return {"timestamp": at, "sampledValue": [sample]}


class Talk:
    """One station's conversation: what it said, its transaction, and what it was answered."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.answers: list[str] = []
        self._said: list[tuple[str, dict[str, Any]]] = []
        self._transaction = 0
        self._ref, self._seq = 0, 0

    def heard(self, answer: str, one: Any) -> None:
        """Take in an answer; of 1.6, the number of the transaction that it begins."""
        self.answers.append(answer)
        if getattr(one, "call", None) and one.call.action == "StartTransaction":
            self._transaction = one.context.session_id or 0

    def frame(self, version: Version, said: Any, now: Any) -> tuple[str, dict[str, Any]]:
        """The action and the payload of a word."""
        kind, *rest = said
        if kind == "again" and self._said:
            made = self._said[-min(rest[0], len(self._said))]
        elif version is Version.V16:
            made = self._of_16("beat" if kind == "again" else kind, rest, now)
        else:
            made = self._of_2("beat" if kind == "again" else kind, rest, now)
        self._said.append(made)
        return made

    def _of_16(self, kind: str, rest: list[Any], now: Any) -> tuple[str, dict[str, Any]]:
        def at(minutes: int) -> str:
            return _time(now, minutes)

        if kind == "tap":
            return "Authorize", {"idTag": rest[0]}
        if kind == "start":
            card, wh, minutes, plug = rest
            told = {"connectorId": plug, "idTag": card, "meterStart": wh}
            return "StartTransaction", {**told, "timestamp": at(minutes)}
        if kind == "progress":
            _, wh, minutes, _, named = rest
            told = {"connectorId": 1, "meterValue": [_reading(at(minutes), wh, "Sample.Periodic")]}
            return "MeterValues", told | ({"transactionId": self._transaction} if named else {})
        if kind == "end":
            card, wh, minutes, own = rest
            number = self._transaction if own else 987_654
            told = {"transactionId": number, "meterStop": wh, "timestamp": at(minutes)}
            return "StopTransaction", told | ({"idTag": card} if card else {})
        if kind == "status":
            plug, free, minutes = rest
            told = {"connectorId": plug, "status": "Available" if free else "Faulted"}
            return "StatusNotification", {**told, "errorCode": "NoError", "timestamp": at(minutes)}
        if kind == "boot":
            told = {
                "chargePointVendor": "Acme",
                "chargePointModel": "F",
                "firmwareVersion": rest[0],
            }
            return "BootNotification", told
        return "Heartbeat", {}

    def _of_2(self, kind: str, rest: list[Any], now: Any) -> tuple[str, dict[str, Any]]:
        if kind == "tap":
            return "Authorize", {"idToken": {"idToken": rest[0], "type": "ISO14443"}}
        if kind == "status":
            plug, free, minutes = rest
            told = {"timestamp": _time(now, minutes), "evseId": plug, "connectorId": 1}
            return "StatusNotification", {
                **told,
                "connectorStatus": "Available" if free else "Faulted",
            }
        if kind == "boot":
            about = {"vendorName": "Acme", "model": "F", "firmwareVersion": rest[0]}
            return "BootNotification", {"reason": "PowerUp", "chargingStation": about}
        if kind == "beat":
            return "Heartbeat", {}
        return "TransactionEvent", self._event(kind, rest, now)

    def _event(self, kind: str, rest: list[Any], now: Any) -> dict[str, Any]:
        if kind == "start":
            card, wh, minutes, plug = rest
            self._ref, self._seq = self._ref + 1, 0
            told = self._body("Started", "Authorized", wh, _time(now, minutes), card)
            return told | {"evse": {"id": plug, "connectorId": 1}}
        if kind == "end":
            card, wh, minutes, _ = rest
            return self._body("Ended", "StopAuthorized", wh, _time(now, minutes), card)
        card, wh, minutes, state, offline = rest
        told = self._body("Updated", "MeterValuePeriodic", wh, _time(now, minutes), card)
        if state:
            told["transactionInfo"]["chargingState"] = state
        return told | ({"offline": True} if offline else {})

    def _body(self, kind: str, trigger: str, wh: int, at: str, card: str | None) -> dict[str, Any]:
        contexts = {"Started": "Transaction.Begin", "Ended": "Transaction.End"}
        told: dict[str, Any] = {
            "eventType": kind,
            "triggerReason": trigger,
            "timestamp": at,
            "seqNo": self._seq,
            "transactionInfo": {"transactionId": f"tx-{self.number}-{self._ref}"},
            "meterValue": [_reading(at, wh, contexts.get(kind, "Sample.Periodic"))],
        }
        self._seq += 1
        if card:
            told["idToken"] = {"idToken": card, "type": "ISO14443"}
        return told


def _time(now: Any, minutes: int) -> str:
    return format_instant(now + timedelta(minutes=minutes))
