"""What a handler gets: the unit of work, the station, the time, and where to note oddities."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from app.domain.charging import clocks
from app.domain.charging.metering import Metered
from app.domain.ground.clock import believable, correction
from app.domain.ground.vocabulary import Registration
from worker.ocpp.fields import Fields

Payload = dict[str, Any]

#: A connector's number beyond this is no connector's.
MOST_CONNECTORS = 10_000
#: A register beyond this (a terawatt-hour, in Wh) is no register's.
LARGEST_WH = Decimal(10) ** 12


@dataclass(slots=True)
class Context:
    """One call's surroundings.

    `db` is the open unit of work and `station` its row; both are None while a
    hot message is only read (see `Bulk`).  `deviations` collects (code, example) of what had to
    be repaired; `session_id` ties the message to a charging session in the log.
    `found` is what was found out before the unit of work opened (see `Outside`), and
    `booted` how a boot is answered.
    `clock_offset_s` is how far the station's clock is known to be ahead, and `shift` what the
    times of this message are corrected by: None until its first time was read.
    """

    db: Any
    station: Any
    station_id: int
    timezone: str
    quirks: dict[str, Any]
    now: datetime
    heartbeat_s: int = 300
    boot_retry_s: int = 60
    deviations: list[tuple[str, str]] = field(default_factory=list)
    session_id: int | None = None
    found: Any = None
    booted: Registration | None = None
    clock_offset_s: int | None = None
    shift: timedelta | None = None

    def deviate(self, code: str, example: object = "") -> None:
        """Note a named repair."""
        self.deviations.append((code, str(example)[:300]))

    def plug(self, call: Fields, default: int) -> int:
        """The connector that a message names; a number that no station has counts as 0."""
        number = call.integer("connectorId", default)
        if 0 <= number <= MOST_CONNECTORS:
            return number
        self.deviate("absurd_connector", number)
        return 0

    def sane_wh(self, register: Decimal | None) -> Decimal | None:
        """A register in Wh, or None where its value cannot be one (FIELD T2's sister)."""
        if register is None or abs(register) <= LARGEST_WH:
            return register
        self.deviate("absurd_register", register)
        return None

    def instant(self, call: Fields, name: str, *, live: bool = False) -> tuple[datetime, bool]:
        """The time to do business with, and whether the charger's own was unusable.

        A time without an offset is taken for the site's wall clock only where
        that lies closer to now than UTC does (FIELD T1); both are noted.  `live`:
        the message is sent when it happens, so its time tells how the clock goes.
        All times of a message are corrected alike.
        """
        given = call.moment(name)
        if given is None:
            if call.raw(name) not in (None, ""):
                self.deviate("unreadable_time", call.raw(name))
            return self.now, call.raw(name) not in (None, "")
        claimed = given.at
        if given.assumed_zone:
            claimed = self._nearer(claimed)
            self.deviate("time_without_zone", call.raw(name))
        if self.shift is None:
            if live and self.station is not None:
                clocks.heard(self.db, self.station, claimed, now=self.now)
            self.shift = self._correction(claimed)
        at, replaced = believable(claimed - self.shift, self.now)
        if replaced:
            self.deviate("absurd_time", call.raw(name))
        return at, replaced

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

    def _nearer(self, as_utc: datetime) -> datetime:
        local = as_utc.replace(tzinfo=ZoneInfo(self.timezone)).astimezone(as_utc.tzinfo)
        near = abs(local - self.now) + timedelta(minutes=1) < abs(as_utc - self.now)
        return local if near else as_utc


Handler = Callable[[Fields, Context], Payload]


@dataclass(frozen=True, slots=True)
class Fact:
    """A message that is stored together with all others of its kind.

    `read` makes a fact of it, with the station's plain row in the context; `together` is the
    operation that gets an open unit of work and the facts of many stations, and returns a result
    for each; `answer` spells it.  A result that `wants` more before it is answered gets that by
    `after`, once it is stored and outside of its unit of work: it gets an open session, the results
    of several, and the time, and returns them finished.  Called, a fact does all that for one
    message alone.
    """

    read: Callable[[Fields, Context], Any]
    together: Callable[[Any, Sequence[Any]], Sequence[Any]]
    answer: Callable[[Any, Context], Payload]
    wants: Callable[[Any], bool] | None = None
    after: Callable[[Any, Sequence[Any], datetime], Sequence[Any]] | None = None

    def unfinished(self, result: Any) -> bool:
        """Whether a result has to be finished before it can be answered."""
        return self.wants is not None and self.wants(result)

    def __call__(self, call: Fields, ctx: Context) -> Payload:
        """Take one message in by itself; raises what made it fail."""
        [result] = self.together(ctx.db, [self.read(call, ctx)])
        if isinstance(result, Exception):
            raise result
        if self.after is not None and self.unfinished(result):
            [result] = self.after(ctx.db, [result], ctx.now)
        return self.answer(result, ctx)


def nothing(_result: Any, _ctx: Context) -> Payload:
    """Answer that it was taken in, which is all there is to say."""
    return {}


@dataclass(frozen=True, slots=True)
class Bulk:
    """A hot message: it is read without a database and stored with many others at once."""

    read: Callable[[Fields, Context], Metered]
    answer: Payload


def _none_of(values: list[Any]) -> list[Any]:
    return []


@dataclass(frozen=True, slots=True)
class Long:
    """How a message whose list `member` is long is taken in pieces of `most` items each.

    `more` names the member that says that another message follows.  `samples` names the list
    within an element that may be shortened.  With `ahead` the pieces are readings, which are stored
    before the message is handled with only those that it cannot do without (`kept`); where it
    returns False, nothing is known yet of what they belong to, and they follow the message.
    """

    member: str
    most: int = 200
    more: str = ""
    samples: str = ""
    ahead: Callable[[Fields, Context], bool] | None = None
    kept: Callable[[list[Any]], list[Any]] = _none_of


#: The list of a MeterValues.
READINGS = Long("meterValue", samples="sampledValue")


@dataclass(frozen=True, slots=True)
class Outside:
    """A message that an outside service has to be asked about, before any unit of work opens.

    `ask` gets the message, its context without a database, and the services
    (`worker.providers.Providers`); what it returns is `Context.found` of `then`.
    Only this station's messages wait meanwhile.
    """

    ask: Callable[[Fields, Context, Any], Any]
    then: Handler
