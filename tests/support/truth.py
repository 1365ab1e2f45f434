"""What truly happens in a charging session, and how a station of either version tells of it.

A truth is made of parts, and all that is told follows from it: registers, statuses, events, the
connection.  So the same truth has to come to the same bill in every version.
"""

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum
from itertools import pairwise
from typing import Any

from sqlalchemy.orm import Session

from app.models import Station
from tests.support import sockets
from tests.support.dialogue import Dialogue
from worker.ocpp.versions import Version

TAG = "04A2B3C4D5E680"
UNITS = ("Wh", "kWh")
REGISTER = "Energy.Active.Import.Register"


class Does(Enum):
    """What goes on in a part of a session: its words in 1.6 and in 2.x, None in a power cut."""

    WAITS = "Preparing", "EVConnected"
    CHARGES = "Charging", "Charging"
    STANDS = "SuspendedEV", "SuspendedEV"
    WITHHELD = "SuspendedEVSE", "SuspendedEVSE"
    DARK = None, None


@dataclass(frozen=True)
class Part:
    """So many seconds; only a car that charges takes power."""

    does: Does
    seconds: int
    watts: int = 0


@dataclass(frozen=True)
class Truth:
    """A session from its start to its end.

    The meter counts from `first_wh` on and is read `every_s` seconds (0: only at the ends), unless
    there is no power; on the way it is told in whole steps of `told_wh`.
    """

    parts: tuple[Part, ...]
    every_s: int = 300
    first_wh: int = 120_000
    told_wh: int = 1
    unit: str = "Wh"

    @property
    def length_s(self) -> int:
        """How long it is."""
        return sum(part.seconds for part in self.parts)

    def spans(self, does: Does) -> list[tuple[int, int]]:
        """When something went on; what follows itself is one span."""
        found: list[tuple[int, int]] = []
        for since, part in self.starts():
            if part.does is does:
                joined = bool(found) and found[-1][1] == since
                found.append((found.pop()[0] if joined else since, since + part.seconds))
        return found

    def starts(self) -> Iterator[tuple[int, Part]]:
        """The parts, each with the second in which it begins."""
        since = 0
        for part in self.parts:
            yield since, part
            since += part.seconds

    def register(self, at_s: int) -> int:
        """What the meter shows, in Wh."""
        taken = sum(
            part.watts * min(max(at_s - since, 0), part.seconds) for since, part in self.starts()
        )
        return self.first_wh + taken // 3600

    @property
    def energy_wh(self) -> int:
        """What the meter counted."""
        return self.register(self.length_s) - self.register(0)

    def read_at(self) -> list[int]:
        """When the meter is read between the ends."""
        dark = self.spans(Does.DARK)
        instants = range(self.every_s, self.length_s, self.every_s) if self.every_s else ()
        return [at for at in instants if not any(since <= at <= until for since, until in dark)]


def at_random(rng: random.Random) -> Truth:
    """A car of one power, with pauses of its own and of the station's, and perhaps a power cut."""
    watts = rng.choice([2_300, 3_680, 7_360, 11_040, 22_080])
    parts = [Part(Does.WAITS, rng.randint(1, 200))] if rng.random() < 0.7 else []
    for _ in range(rng.randint(1, 3)):
        parts.append(Part(Does.CHARGES, rng.randint(1_300, 6_000), watts))
        pauses = [Does.STANDS, Does.STANDS, Does.WITHHELD, Does.DARK]
        parts.append(Part(rng.choice(pauses), rng.randint(400, 9_000)))
    every, told_wh = rng.choice([120, 300, 600]), rng.choice([1, 1, 100, 1_000])
    return Truth(tuple(parts), every, rng.randrange(9_000_000), told_wh, rng.choice(UNITS))


class Teller:
    """A station that tells truths, one after another; they begin `start`.

    Its `clock` shows what time it takes it to be.
    """

    def __init__(self, db: Session, version: Version, start: datetime, identity: str) -> None:
        self.talk = Dialogue(db, start - timedelta(minutes=10), version, identity)
        self.talk.station.max_power_w = 22_080
        self.start = start
        self.old = version is Version.V16
        self.ref: Any = f"tx-{identity}"
        self.tag = TAG
        self._number = 0
        self.clock: Callable[[datetime], datetime] = lambda now: now

    def tell(self, truth: Truth) -> None:
        """Tell all of a truth, each thing when it happens."""
        self._go(-20)
        self._status("Preparing" if self.old else "Occupied")
        for at, change in self._changes(truth):
            self._go(at)
            if at == 0:
                self._begin(truth, change)
            elif change is None:
                self._reads(truth, at)
            else:
                self._turns(change)
        self._go(truth.length_s)
        cut = truth.parts[-1].does is Does.DARK
        if cut:
            self._boots()
        self._end(truth, "PowerLoss" if cut else "Local")
        self._status("Finishing" if self.old else "Occupied")

    def _changes(self, truth: Truth) -> list[tuple[int, tuple[Does, Does] | None]]:
        """What there is to tell, in order: a change from one thing to another, or a reading."""
        first = truth.parts[0].does
        found: list[tuple[int, tuple[Does, Does] | None]] = [(0, (Does.WAITS, first))]
        for (_, before), (at, part) in pairwise(truth.starts()):
            found.append((at, (before.does, part.does)))
        found += [(at, None) for at in truth.read_at()]
        return sorted(found, key=lambda each: (each[0], each[1] is None))

    def _go(self, second: int) -> None:
        self.talk.now = self.start + timedelta(seconds=second)

    @property
    def _now(self) -> str:
        return self.clock(self.talk.now).isoformat().replace("+00:00", "Z")

    def _turns(self, change: tuple[Does, Does]) -> None:
        before, now = change
        if now is Does.DARK:
            station = self.talk.db.get_one(Station, self.talk.station.id)
            sockets.close_connection(self.talk.db, station.connection_id or 0, now=self.talk.now)
            return
        if before is Does.DARK:
            self._boots()
        self._says(now)

    def _says(self, does: Does) -> None:
        if self.old:
            self._status(str(does.value[0]))
        else:
            self._event("Updated", "ChargingStateChanged", chargingState=does.value[1])

    def _boots(self) -> None:
        self.talk.connect()
        about = {"chargePointVendor": "Acme", "chargePointModel": "Fortress"}
        new = {"reason": "PowerUp", "chargingStation": {"vendorName": "Acme", "model": "Fortress"}}
        self.talk.says("BootNotification", about if self.old else new)

    def _status(self, word: str) -> None:
        about = {"connectorId": 1, "timestamp": self._now}
        old = {"errorCode": "NoError", "status": word}
        new = {"evseId": 1, "connectorStatus": word}
        self.talk.says("StatusNotification", about | (old if self.old else new))

    def _begin(self, truth: Truth, change: tuple[Does, Does] | None) -> None:
        does = change[1] if change else Does.WAITS
        if self.old:
            start = {"connectorId": 1, "idTag": self.tag, "timestamp": self._now}
            answer = self.talk.says("StartTransaction", start | {"meterStart": truth.register(0)})
            self.ref = answer["transactionId"]
            if does is not Does.WAITS:
                self._says(does)
            return
        about = {"evse": {"id": 1, "connectorId": 1}, **self._meter(truth, 0, "Transaction.Begin")}
        about["idToken"] = {"idToken": self.tag, "type": "ISO14443"}
        self._event("Started", "Authorized", about, chargingState=does.value[1])

    def _reads(self, truth: Truth, at: int) -> None:
        meter = self._meter(truth, at, "Sample.Periodic", truth.told_wh)
        if self.old:
            about = {"connectorId": 1, "transactionId": self.ref}
            self.talk.says("MeterValues", about | meter)
        else:
            self._event("Updated", "MeterValuePeriodic", meter)

    def _end(self, truth: Truth, reason: str) -> None:
        at = truth.length_s
        if self.old:
            stop = {"transactionId": self.ref, "timestamp": self._now, "reason": reason}
            self.talk.says("StopTransaction", stop | {"meterStop": truth.register(at)})
            return
        trigger = "AbnormalCondition" if reason == "PowerLoss" else "StopAuthorized"
        about = self._meter(truth, at, "Transaction.End")
        self._event("Ended", trigger, about, stoppedReason=reason)

    def _meter(self, truth: Truth, at: int, context: str, step_wh: int = 1) -> dict[str, Any]:
        wh = truth.register(at) // step_wh * step_wh
        told = wh if truth.unit == "Wh" else wh / 1000
        unit = {"unit": truth.unit} if self.old else {"unitOfMeasure": {"unit": truth.unit}}
        value = {"value": str(told) if self.old else told, "measurand": REGISTER, **unit}
        sample = {"timestamp": self._now, "sampledValue": [value | {"context": context}]}
        return {"meterValue": [sample]}

    def _event(
        self, kind: str, trigger: str, more: dict[str, Any] | None = None, **about: Any
    ) -> None:
        told = {"eventType": kind, "triggerReason": trigger, "seqNo": self._number}
        told |= {"timestamp": self._now, "transactionInfo": {"transactionId": self.ref, **about}}
        self._number += 1
        self.talk.says("TransactionEvent", told | (more or {}))
