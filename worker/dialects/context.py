"""What a handler gets: the unit of work, the station, the time, and where to note oddities."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from app.domain.charging import clocks
from app.domain.charging.energy import LARGEST_WH, can_be_in
from app.domain.ground.clock import believable, correction
from app.domain.ground.vocabulary import Json, Registration
from worker.ocpp.fields import Fields, may_be_grouped, read_integer

Payload = dict[str, Any]

#: A connector's number beyond this is no connector's.
MOST_CONNECTORS = 10_000


@dataclass(slots=True)
class Context:
    """One call's surroundings.

    `db` is the open unit of work and `station` its row; both are None while a
    hot message is only read (see `Bulk`).  `deviations` collects (code, example) of what had to
    be repaired; `session_id` ties the message to a charging session in the log.
    `found` is what was found out before the unit of work opened (see `Outside`), and
    `booted` how a boot is answered.
    `served` says that the station's boot was accepted, and `told` what it was answered when its
    message went into the spool, from which it comes now.
    `memory` decides about tags by what was known last (`worker.away`), and `station` is what
    the gate knew of it: both while nothing can be stored.
    `clock_offset_s` is how far the station's clock is known to be ahead, and `shift` what the
    times of this message are corrected by: None until its first time was read.
    """

    db: Any
    station: Any
    station_id: int
    timezone: str
    quirks: Json
    now: datetime
    heartbeat_s: int = 300
    boot_retry_s: int = 60
    deviations: list[tuple[str, str]] = field(default_factory=list)
    session_id: int | None = None
    found: Any = None
    booted: Registration | None = None
    served: bool = True
    told: Payload | None = None
    memory: Any = None
    clock_offset_s: int | None = None
    shift: timedelta | None = None

    def deviate(self, code: str, example: object = "") -> None:
        """Note a named repair."""
        self.deviations.append((code, str(example)[:300]))

    def plug(self, call: Fields, name: str = "connectorId", default: int = 0) -> int:
        """The number of a connector or an EVSE; one that no station has counts as the default."""
        told = call.raw(name)
        number = default if told is None else read_integer(told)
        if number is not None and 0 <= number <= MOST_CONNECTORS:
            return number
        self.deviate("absurd_connector", told)
        return default

    def sane_wh(self, register: Decimal | None) -> Decimal | None:
        """A register in Wh, or None where its value cannot be one (FIELD T2's sister)."""
        if register is None or abs(register) <= LARGEST_WH:
            return register
        self.deviate("absurd_register", register)
        return None

    def clear_wh(self, register: Decimal | None, told: object) -> Decimal | None:
        """A register told in Wh, or None where its comma may part thousands: `2,100` is no 2.1."""
        if register is None or not may_be_grouped(told):
            return register
        self.deviate("thousands_or_decimals", told)
        return None

    def energy(
        self, told: Decimal, wh: Decimal, text: Any, unit: str, measurand: str
    ) -> tuple[Decimal | None, Any]:
        """What counts of an energy that was told as `text`, and what of it is kept in words.

        `unit` is that of `wh`: what is told in one that is no unit of energy is not known.
        """
        if not can_be_in(unit, measurand):
            self.deviate("unknown_unit", unit)
            return None, text
        if self.sane_wh(wh) is None:
            return None, format(wh, "f")  # in Wh, so that nobody takes it for a smaller one
        return (self.clear_wh(wh, text) if wh is told else wh), text

    def instant(self, call: Fields, name: str, *, live: bool = False) -> tuple[datetime, bool]:
        """The time to do business with, and whether the charger's own was unusable or missing.

        A time without an offset is taken for the site's wall clock where the station is known for
        that, or else where that lies closer to now than UTC does (FIELD T1); it is noted.  `live`:
        the message is sent when it happens, so its time tells how the clock goes.
        All times of a message are corrected alike.
        """
        given = call.moment(name)
        if given is None:
            if call.raw(name) not in (None, ""):
                self.deviate("unreadable_time", call.raw(name))
            return self.now, True
        claimed = given.at
        if given.assumed_zone:
            claimed = self._zoned(claimed)
            self.deviate("time_without_zone", call.raw(name))
        if self.shift is None:
            if live and self.station is not None:
                clocks.heard(self.db, self.station, claimed, now=self.now)
            self.shift = self._correction(claimed)
        at, replaced = believable(claimed - self.shift, self.now)
        if replaced:
            self.deviate("absurd_time", call.raw(name))
        return at, replaced

    @staticmethod
    def told_time(call: Fields, name: str) -> str | None:
        """The charger's own time to know a message again by, however it writes it; UTC.

        One that cannot be read is its words.
        """
        given = call.moment(name)
        if given is None:
            said = call.raw(name)
            return None if said is None else str(said)
        return given.at.astimezone(UTC).replace(tzinfo=None).isoformat()

    def claimed(self, call: Fields, name: str, at: datetime) -> datetime | None:
        """The charger's own time where business is done with another one (`at`)."""
        if not self.shift and at != self.now:
            return None
        given = call.moment(name)
        if given is None or given.assumed_zone:
            return None
        return None if given.at == at else given.at

    def weigh_clock(self, values: Iterable[Fields]) -> None:
        """Judge the clock of a message of several times by the latest, unless that is done."""
        if self.shift is not None:
            return
        given = [moment.at for value in values if (moment := value.moment("timestamp"))]
        if given:
            self.shift = self._correction(max(given))

    def _correction(self, claimed: datetime) -> timedelta:
        fixed_s = self.quirks.get("clock_offset_s")
        known = self.station.clock_offset_s if self.station is not None else self.clock_offset_s
        seconds = known if fixed_s is None else fixed_s
        if not seconds:
            return timedelta()
        return correction(claimed, self.now, timedelta(seconds=seconds), fixed=fixed_s is not None)

    def _zoned(self, as_utc: datetime) -> datetime:
        local = as_utc.replace(tzinfo=ZoneInfo(self.timezone)).astimezone(as_utc.tzinfo)
        near = abs(local - self.now) + timedelta(minutes=1) < abs(as_utc - self.now)
        known = self.quirks.get("naive_times")
        return local if known == "local" or (near and not known) else as_utc
