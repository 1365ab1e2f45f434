"""Clocks that are off, and what people see of a plug meanwhile."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from sqlalchemy import event, select

from app.domain.charging import clocks, metering, running
from app.domain.ground import bulk
from app.domain.ground.vocabulary import SYSTEM, Activity, Availability, SessionState
from app.domain.network import plugs, stations
from app.extensions import db as flask_db
from app.models import ChargingSession, Connector, MeterReading, Station, StatusEvent
from tests.support import sockets
from tests.support.charging import network
from tests.support.dialogue import Dialogue
from worker.dialects import DIALECTS
from worker.dialects.context import Context
from worker.ocpp.fields import Fields
from worker.ocpp.versions import Version

BOOT = {"chargePointVendor": "Acme", "chargePointModel": "Box"}
BEHIND, AHEAD = timedelta(hours=-5), timedelta(hours=1)


class Charger(Dialogue):
    """A 1.6 station whose clock is `off` from the true time."""

    off = timedelta()

    @property
    def time(self) -> str:
        return self.at(self.now)

    def at(self, moment: datetime) -> str:
        return (moment + self.off).isoformat().replace("+00:00", "Z")

    def boots(self) -> None:
        self.says("BootNotification", BOOT)

    def shows(self, status: str, error: str = "NoError", at: str | None = None) -> Connector:
        told = {
            "connectorId": 1,
            "status": status,
            "errorCode": error,
            "timestamp": at or self.time,
        }
        self.says("StatusNotification", told)
        return self.plug

    @property
    def plug(self) -> Connector:
        return self.db.scalars(select(Connector).where(Connector.evse == 1)).one()

    def starts(self, at: str | None = None, wh: int = 1000) -> int:
        told = {"connectorId": 1, "idTag": "T", "meterStart": wh, "timestamp": at or self.time}
        return self.says("StartTransaction", told)["transactionId"]

    def measures(self, number: int, wh: int) -> None:
        sample = {"value": str(wh), "measurand": "Energy.Active.Import.Register", "unit": "Wh"}
        told = {
            "connectorId": 1,
            "transactionId": number,
            "meterValue": [{"timestamp": self.time, "sampledValue": [sample]}],
        }
        offset = self.station.clock_offset_s
        context = Context(None, None, self.station.id, "UTC", {}, self.now, clock_offset_s=offset)
        item = DIALECTS[self.version].routes["MeterValues"].handler.read(Fields(told), context)
        _, newest = metering.store(self.db, [item], now=self.now)
        running.show(self.db, newest)
        self.db.expire_all()

    def stops(self, number: int, wh: int, at: str | None = None) -> ChargingSession:
        told = {"transactionId": number, "meterStop": wh, "timestamp": at or self.time}
        self.says("StopTransaction", told)
        return self.session(number)

    def session(self, number: int) -> ChargingSession:
        return self.db.get_one(ChargingSession, number)


@pytest.fixture
def charger(db, now):
    made = Charger(db, now, Version.V16)
    made.boots()
    return made


def test_a_fault_shows_at_once_when_a_fast_clock_was_put_right(charger):
    """The plug said Charging with a clock 40 s fast; the newest word counts."""
    charger.off = timedelta(seconds=40)
    charger.shows("Charging")
    charger.later(seconds=1)
    charger.off = timedelta()
    plug = charger.shows("Faulted", "GroundFailure")
    assert (plug.availability, plug.error_code) == (Availability.FAULTED, "GroundFailure")


@pytest.mark.parametrize("off", [timedelta(hours=1), timedelta(hours=-2), timedelta(days=-9000)])
@pytest.mark.parametrize("after", [timedelta(), timedelta(hours=-2)])
def test_a_fault_always_shows_at_once_whatever_the_clock(charger, off, after):
    charger.off = off
    charger.shows("Charging")
    charger.later(seconds=5)
    charger.off = after
    assert charger.shows("Faulted", "GroundFailure").availability is Availability.FAULTED


def test_within_a_connection_the_newest_word_is_the_state_whatever_its_clock(charger):
    charger.later(hours=1)
    charger.shows("Charging")
    charger.later(minutes=1)
    charger.off = timedelta(minutes=-30)
    assert charger.shows("Finishing").activity is Activity.FINISHING


def test_a_status_said_again_on_a_new_connection_is_kept_as_what_holds_there(charger):
    charger.shows("SuspendedEV")
    charger.later(minutes=5)
    charger.shows("SuspendedEV")
    assert len(charger.db.scalars(select(StatusEvent)).all()) == 1
    charger.later(hours=1)
    charger.connect()
    charger.shows("SuspendedEV")
    charger.later(minutes=1)
    charger.shows("SuspendedEV")
    kept = charger.db.scalars(select(StatusEvent).order_by(StatusEvent.id)).all()
    assert [event.status_word for event in kept] == ["SuspendedEV", "SuspendedEV"]
    assert kept[1].at - kept[0].at == timedelta(minutes=65)


def test_what_is_replayed_after_a_reconnect_is_history_only(charger):
    charger.later(hours=3)
    charger.connect()
    charger.shows("Available")
    charger.later(seconds=2)
    plug = charger.shows("Charging", at=charger.at(charger.now - timedelta(hours=2)))
    assert plug.availability is Availability.AVAILABLE
    words = charger.db.scalars(select(StatusEvent.status_word).order_by(StatusEvent.id)).all()
    assert words == ["Available", "Charging"]


def test_after_a_boot_any_word_counts(charger):
    charger.shows("Charging")
    charger.later(minutes=1)
    charger.boots()
    charger.off = timedelta(hours=-2)
    assert charger.shows("Available").availability is Availability.AVAILABLE


def test_a_fault_is_as_old_as_its_beginning_and_not_its_last_repeat(charger):
    began = charger.now
    charger.shows("Faulted", "GroundFailure")
    for _ in range(3):
        charger.later(minutes=10)
        plug = charger.shows("Faulted", "GroundFailure")
    assert plug.since == began
    assert plug.status_at == charger.now


@pytest.mark.parametrize("off", [BEHIND, AHEAD, timedelta(hours=2), timedelta(hours=-2)])
def test_a_session_by_a_wrong_clock_is_dated_by_the_true_time(charger, off):
    charger.off = off
    charger.shows("Available")
    charger.later(minutes=5)
    charger.shows("Preparing")
    began = charger.now
    number = charger.starts()
    charger.later(minutes=30)
    charger.measures(number, 4000)
    charger.later(minutes=30)
    session = charger.stops(number, 8000)
    assert session.started_at == began
    assert session.ended_at == charger.now
    assert "clock_corrected" in session.flags
    assert not {"clock_replaced", "offline_report", "old_report"} & set(session.flags)
    assert charger.db.scalars(select(MeterReading.taken_at)).all() == [
        began + timedelta(minutes=30)
    ]
    assert charger.station.clock_offset_s == off.total_seconds()


@pytest.mark.parametrize("off", [BEHIND, AHEAD, timedelta(days=-2000)])
def test_a_clock_that_is_found_out_at_the_stop_corrects_the_start_as_well(charger, off):
    charger.off = off
    began = charger.now
    number = charger.starts()
    charger.later(minutes=30)
    charger.measures(number, 4000)
    charger.later(minutes=30)
    session = charger.stops(number, 8000)
    assert (session.started_at, session.ended_at) == (began, charger.now)
    assert "clock_corrected" in session.flags
    assert "clock_replaced" not in session.flags
    if off < timedelta():
        reading = charger.db.scalars(select(MeterReading)).one()
        assert reading.taken_at == began + timedelta(minutes=30)


@pytest.mark.parametrize("off", [BEHIND, AHEAD])
def test_a_clock_that_is_put_right_within_the_session_keeps_its_duration(charger, off):
    charger.off = off
    charger.shows("Available")
    charger.later(minutes=2)
    charger.shows("Preparing")
    began = charger.now
    number = charger.starts()
    charger.later(minutes=20)
    charger.off = timedelta()
    charger.measures(number, 3000)
    charger.later(minutes=20)
    session = charger.stops(number, 6000)
    assert (session.started_at, session.ended_at) == (began, charger.now)
    assert charger.station.clock_offset_s is None


@pytest.mark.parametrize("after", [timedelta(), AHEAD])
def test_a_slow_clock_that_only_readings_told_of_is_found_out_when_it_is_put_right(charger, after):
    charger.off = timedelta(minutes=-20)
    began = charger.now
    number = charger.starts()
    for wh in (2000, 3000):
        charger.later(minutes=5)
        charger.measures(number, wh)
    charger.later(minutes=20)
    charger.off = after
    session = charger.stops(number, 6000)
    assert (session.started_at, session.ended_at) == (began, charger.now)
    assert session.flags == ["clock_corrected"]
    query = select(MeterReading.taken_at).order_by(MeterReading.taken_at)
    expected = [began + timedelta(minutes=minutes) for minutes in (5, 10)]
    assert charger.db.scalars(query).all() == expected


def test_a_clock_that_goes_wrong_is_found_out_by_what_readings_told_before(charger):
    began = charger.now
    number = charger.starts()
    charger.later(minutes=20)
    charger.off = timedelta(minutes=-10)
    for wh in (2000, 3000):
        charger.later(minutes=2)
        charger.measures(number, wh)
    charger.later(minutes=2)
    session = charger.stops(number, 4000)
    assert (session.started_at, session.ended_at) == (began, charger.now)
    query = select(MeterReading.taken_at).order_by(MeterReading.taken_at)
    expected = [began + timedelta(minutes=minutes) for minutes in (22, 24)]
    assert charger.db.scalars(query).all() == expected


@pytest.mark.parametrize(
    ("apart_s", "late_s", "held"), [(50, 0, True), (50, 9, None), (70, 9, False), (9, 0, None)]
)
def test_a_slow_clock_of_which_hardly_anything_tells_is_looked_at(charger, apart_s, late_s, held):
    """A memory that is emptied tells in a breath what was hours ago: then the times are its own."""
    charger.off = timedelta(hours=-3)
    began = charger.now
    number = charger.starts()
    charger.later(seconds=apart_s)
    charger.off -= timedelta(seconds=late_s)
    charger.measures(number, 2000)
    charger.later(minutes=20)
    charger.off = timedelta()
    session = charger.stops(number, 6000)
    corrected = held is not None
    assert ("clock_replaced" in session.flags) == bool(held)
    assert ("offline_report" in session.flags) != corrected
    assert session.started_at == (began if corrected else began - timedelta(hours=3))


def test_an_offline_memory_is_kept_when_its_clock_is_heard_to_be_right(charger):
    first = charger.now
    charger.later(hours=3)
    charger.connect()
    number = charger.starts(charger.at(first + timedelta(minutes=10)))
    for minutes in (11, 12, 13):
        charger.later(seconds=2)
        charger.off = first + timedelta(minutes=minutes) - charger.now
        charger.measures(number, 1000 + 10 * minutes)
    charger.off = timedelta()
    charger.later(minutes=20)
    charger.shows("SuspendedEV")
    session = charger.stops(number, 9000)
    assert session.started_at == first + timedelta(minutes=10)
    assert set(session.flags) == {"told_late", "offline_report"}


def test_a_start_is_the_same_again_when_its_clock_was_found_out_meanwhile(charger):
    charger.off = BEHIND
    at = charger.time
    number = charger.starts(at)
    charger.later(minutes=2)
    charger.shows("Charging")
    assert charger.starts(at) == number


def test_an_offline_memory_is_never_taken_for_a_wrong_clock(charger):
    """It comes in one breath, so each message is as much nearer to now as it is later."""
    first = charger.now
    charger.later(hours=3)
    charger.connect()
    began, ended = first + timedelta(hours=1), first + timedelta(hours=2)
    number = charger.starts(charger.at(began))
    charger.later(seconds=2)
    session = charger.stops(number, 9000, charger.at(ended))
    assert (session.started_at, session.ended_at) == (began, ended)
    assert charger.station.clock_offset_s is None


def test_an_offline_memory_by_a_known_wrong_clock_is_corrected(charger):
    charger.off = BEHIND
    charger.shows("Available")
    charger.later(minutes=2)
    charger.shows("Preparing")
    sockets.close_connection(
        charger.db, charger.station.connection_id, code=1006, reason="gone", now=charger.now
    )
    charger.later(hours=1)
    began = charger.now
    charger.later(hours=2)
    charger.connect()
    number = charger.starts(charger.at(began))
    assert charger.session(number).started_at == began


def test_forty_days_offline_keep_their_own_times_and_are_looked_at(charger):
    began, ended = (charger.now - timedelta(days=40, hours=hours) for hours in (5, 0))
    number = charger.starts(charger.at(began), 100_000)
    session = charger.stops(number, 140_000, charger.at(ended))
    assert (session.started_at, session.ended_at) == (began, ended)
    assert "old_report" in session.flags
    assert "clock_replaced" not in session.flags


def test_an_offline_session_of_1970_keeps_its_duration(charger):
    at = datetime(1970, 1, 1, 0, 10, tzinfo=UTC)
    number = charger.starts(at.isoformat())
    session = charger.stops(number, 9000, (at + timedelta(hours=2)).isoformat())
    assert session.ended_at - session.started_at == timedelta(hours=2)
    assert session.ended_at == charger.now
    assert session.energy_wh == Decimal(8000)
    assert "clock_replaced" in session.flags


def test_a_small_drift_is_left_as_it_is(charger):
    charger.off = timedelta(minutes=2)
    charger.shows("Preparing")
    number = charger.starts()
    assert charger.session(number).started_at == charger.now + charger.off
    assert charger.station.clock_offset_s is None


def test_a_quirk_fixes_the_clock_for_good(charger):
    charger.station.quirks = {"clock_offset_s": -18_000}
    charger.off = BEHIND
    assert charger.session(charger.starts()).started_at == charger.now


def test_a_start_dated_when_the_station_was_connected_and_silent_waits_for_a_person(charger):
    began = charger.now + timedelta(minutes=10)
    charger.later(hours=5)
    charger.connect()
    number = charger.starts(charger.at(began))
    assert "told_late" in charger.session(number).flags


def test_a_running_session_without_a_begin_shows_what_it_charged(db, now):
    """The first register that was read stands in, and is not written as that of the start."""
    charger = Dialogue(db, now, Version.V201)

    def event(kind, number, **more):
        told = {
            "eventType": kind, "timestamp": charger.now.isoformat(), "seqNo": number,
            "triggerReason": "MeterValuePeriodic", "evse": {"id": 1, "connectorId": 1},
            "transactionInfo": {"transactionId": "A"},
        }  # fmt: skip
        charger.says("TransactionEvent", told | more)
        return db.scalars(select(ChargingSession)).one()

    def meter(wh):
        sample = {"value": wh, "measurand": "Energy.Active.Import.Register"}
        return [{"timestamp": charger.now.isoformat(), "sampledValue": [sample]}]

    event("Started", 0)
    for number, wh in enumerate((50_000, 51_000, 53_500), 1):
        charger.later(minutes=10)
        session = event("Updated", number, meterValue=meter(wh))
    assert session.state is SessionState.CHARGING
    assert session.energy_wh == 3500
    assert session.meter_start_wh is None


@pytest.mark.parametrize("off", [BEHIND, AHEAD])
def test_a_2x_transaction_by_a_wrong_clock_is_dated_by_the_true_time(db, now, off):
    charger = Dialogue(db, now, Version.V201)

    def event(kind, number, **more):
        told = {
            "eventType": kind, "timestamp": (charger.now + off).isoformat(), "seqNo": number,
            "triggerReason": "CablePluggedIn", "evse": {"id": 1, "connectorId": 1},
            "transactionInfo": {"transactionId": "A", **more}, "offline": False,
        }  # fmt: skip
        charger.says("TransactionEvent", told)
        return db.scalars(select(ChargingSession)).one()

    event("Started", 0, chargingState="EVConnected")
    charger.later(minutes=2)
    event("Updated", 1, chargingState="Charging")
    charger.later(hours=1)
    session = event("Ended", 2)
    assert (session.started_at, session.ended_at) == (now, charger.now)
    assert "clock_replaced" not in session.flags
    assert "clock_corrected" in session.flags


def test_a_wrong_clock_is_found_out_however_often_its_station_speaks(charger):
    charger.off = BEHIND
    for _ in range(12):
        charger.shows("Charging")
        charger.later(seconds=7)
    assert charger.station.clock_offset_s == BEHIND.total_seconds()


def test_what_the_clocks_of_many_stations_showed_is_written_at_once(any_app, now):
    net = network(db := flask_db.session())
    numbers = [net.station.id]
    for number in (2, 3):
        row, _ = stations.register(
            *(db, SYSTEM, net.site.tenant_id, net.site, f"CP-{number}"), now=now
        )
        numbers.append(row.id)
    db.flush()
    written = []
    event.listen(db.connection(), "before_cursor_execute", lambda *told: written.append(told[2]))
    with bulk.gathered(db):
        for row in plugs.station_rows(db, numbers).values():
            clocks.heard(db, row, now - timedelta(hours=row.id), now=now)
    db.expire_all()
    kept = [db.get_one(Station, number).clock_samples for number in numbers]
    assert kept == [[[now.isoformat(), -3600.0 * number]] for number in numbers]
    assert not any(text.startswith("UPDATE stations SET") for text in written)
