"""One plug's register from session to session: nothing is billed twice, and nothing lost unseen."""

from datetime import timedelta
from decimal import Decimal

import pytest
from sqlalchemy import select

from app.domain.ground.vocabulary import BillingState, StationMode
from app.domain.money.billing import history
from app.domain.money.billing.book import book_of
from app.domain.money.billing.evidence import EACH_SESSION, LIFETIME, Stretch, compare, habit_of
from app.extensions import db as flask_db
from app.models import Bill, ChargingSession, Connector, Review, StationReport
from app.queries.office import attention
from tests.support import lone
from tests.support.charging import STARTED, network
from tests.support.dialogue import Dialogue
from worker.ocpp.versions import Version

LATER = STARTED + timedelta(days=2)
HOUR = timedelta(hours=1)


def history_of(db, session):
    book = book_of(db, [session], session.started_at)
    return history.plug_of(book, session).history


@pytest.fixture
def net(any_app):
    """A network on either database."""
    return network(flask_db.session())


def charge(net, after_h, first, last, **given):
    """A session of an hour at the network's one plug, some hours after the first one."""
    values = {
        "connector": 1,
        "started_at": STARTED + after_h * HOUR,
        "meter_start_wh": Decimal(first),
        "meter_stop_wh": Decimal(last),
    }
    return net.session(**{**values, **given})


def settled(net, session):
    return lone.settle(net.db, session.id, now=LATER)


def reasons(net, session):
    """Why a session was held; nothing if it was billed."""
    found = settled(net, session)
    return found.reasons if isinstance(found, Review) else []


def stretch(number, first, last, **given):
    """A session of the pure tests: one each hour."""
    at = STARTED + number * HOUR
    first, last = Decimal(first), Decimal(last)
    values = {"billed": False, "ended_at": at + HOUR / 2, "started_at": at}
    return Stretch(number, start_wh=first, stop_wh=last, first_wh=first, last_wh=last,
                   **{**values, **given})  # fmt: skip


def test_the_same_kilowatt_hours_are_billed_once_and_the_later_session_is_held(net):
    first = charge(net, 0, 5_000, 18_300)
    second = charge(net, 3, 5_000, 21_480)
    assert settled(net, first).energy_wh == 13_300
    assert reasons(net, second) == ["register_overlap"]


def test_a_session_that_goes_on_where_the_last_one_ended_is_billed(net):
    for hour, (first, last) in enumerate([(5_000, 9_000), (9_000, 15_000), (15_000, 19_000)]):
        assert reasons(net, charge(net, 2 * hour, first, last)) == []


def test_registers_rounded_differently_at_the_end_and_the_next_begin_are_no_overlap(net):
    assert reasons(net, charge(net, 0, 5_000, 9_100)) == []
    assert reasons(net, charge(net, 2, 9_040, 15_000)) == []


@pytest.mark.parametrize("off", [timedelta(seconds=1), timedelta(seconds=-1), HOUR, -HOUR])
def test_a_session_sent_again_with_its_times_off_is_held(net, off):
    first = charge(net, 5, 5_000, 18_300)
    assert reasons(net, first) == []
    again = charge(net, 5, 5_000, 18_300, started_at=first.started_at + off)
    assert reasons(net, again) == ["session_again"]


@pytest.mark.parametrize(("off_h", "held"), [(0, True), (-0.01, True), (5, False)])
def test_a_session_told_again_in_another_version_of_another_plug_is_held(net, off_h, held):
    first = charge(net, 0, 5_000, 18_300, evse=2, start_key="1f2e")
    assert reasons(net, first) == []
    again = charge(net, off_h, 5_000, 18_300, connector=2, start_key="ref|tx-1")
    assert reasons(net, again) == (["session_again"] if held else [])


def test_a_session_sent_again_after_many_others_is_held(net):
    sessions = [charge(net, 2 * n, 5_000 + 4_000 * n, 9_000 + 4_000 * n) for n in range(9)]
    assert [reasons(net, session) for session in sessions] == [[]] * 9
    assert reasons(net, charge(net, 30, 5_000, 9_000)) == ["session_again"]


def test_of_two_that_arrive_out_of_order_the_one_that_comes_later_to_billing_is_held(net):
    late = charge(net, 3, 12_000, 21_000)
    assert reasons(net, late) == []
    assert reasons(net, charge(net, 0, 5_000, 18_300)) == ["register_overlap"]


def test_an_offline_session_that_fills_the_gap_before_a_billed_one_is_billed(net):
    assert reasons(net, charge(net, 0, 5_000, 9_000)) == []
    assert reasons(net, charge(net, 6, 15_000, 19_000)) == []
    assert reasons(net, charge(net, 3, 9_000, 15_000)) == []


def test_other_plugs_have_registers_of_their_own(net):
    assert reasons(net, charge(net, 0, 5_000, 18_300)) == []
    assert reasons(net, charge(net, 3, 5_000, 21_480, connector=2)) == []
    assert reasons(net, charge(net, 3, 5_000, 21_480, evse=2)) == []


def test_a_register_that_starts_anew_each_time_is_that_plugs_way(net):
    for hour, wh in enumerate([9_000, 4_000, 12_000, 4_000, 7_000, 7_010]):
        assert reasons(net, charge(net, 2 * hour, 0, wh)) == []
    last = net.db.scalars(select(ChargingSession).order_by(ChargingSession.id.desc())).first()
    assert history_of(net.db, last).habit == EACH_SESSION


def test_one_that_starts_anew_and_tells_a_session_twice_is_caught_by_its_times(net):
    first = charge(net, 0, 0, 9_000)
    again = charge(net, 0, 0, 9_000, started_at=first.started_at + timedelta(seconds=1))
    assert reasons(net, first) == []
    assert reasons(net, again) == ["session_again"]


def test_two_that_have_no_times_of_their_own_are_not_one_because_they_came_together(net):
    undated = [charge(net, 0, 0, 4_000, flags=["clock_replaced"]) for _ in range(2)]
    assert [reasons(net, each) for each in undated] == [["clock_replaced"]] * 2


def test_a_meter_that_was_exchanged_is_told_and_holds_nothing(net):
    assert reasons(net, charge(net, 0, 8_000_000, 8_010_000)) == []
    exchanged = charge(net, 3, 3_000, 9_000)
    assert reasons(net, exchanged) == []
    assert "register_fell" in exchanged.flags


def test_a_registers_first_fall_to_zero_is_no_overlap(net):
    assert reasons(net, charge(net, 0, 5_000, 18_300)) == []
    assert "register_overlap" not in reasons(net, charge(net, 3, 0, 6_000))


def test_energy_that_flowed_outside_any_session_is_told_to_staff_and_holds_nothing(net):
    assert reasons(net, charge(net, 0, 5_000, 9_000)) == []
    after = charge(net, 3, 12_200, 19_000)
    assert reasons(net, after) == []
    assert "register_gap" in after.flags
    (report,) = net.db.scalars(select(StationReport))
    assert (report.kind, report.word) == ("register_gap", "3.200 kWh")
    assert [row.facts["report"].id for row in gaps(net)] == [report.id]
    # A session that comes from the charger's memory and explains it takes it off the list.
    assert reasons(net, charge(net, 2, 9_000, 12_200)) == []
    assert gaps(net) == []
    assert "register_gap" not in after.flags


def gaps(net):
    found = attention.findings(net.db, tenant_id=net.site.tenant_id, now=LATER)
    return [finding for finding in found if finding.kind == "register_gap"]


@pytest.mark.parametrize("hours, between", [(2, 100), (24, 300)])
def test_what_a_charger_itself_draws_is_no_gap(net, hours, between):
    settled(net, charge(net, 0, 5_000, 9_000))
    after = charge(net, 1 + hours, 9_000 + between, 19_000)
    assert reasons(net, after) == []
    assert after.flags == []


def test_energy_of_a_neighbour_on_the_same_meter_is_no_gap(net):
    settled(net, charge(net, 0, 5_000, 9_000))
    settled(net, charge(net, 2, 9_000, 15_000, connector=2))
    after = charge(net, 4, 15_000, 19_000)
    settled(net, after)
    assert "register_gap" not in after.flags


def test_what_a_plug_ever_measured_is_learnt_from_bills_without_doubts_only(net):
    plug = Connector(station_id=net.station.id, evse=1, connector=1)
    net.db.add(plug)
    net.db.flush()
    session = charge(net, 0, 5_000, 12_000)
    settled(net, session)
    net.db.refresh(plug)
    assert plug.measured_power_w == 7_000
    assert history_of(net.db, session).greatest_power_w == 7_000
    assert reasons(net, charge(net, 3, 12_000, 33_000, unauthorised=True)) == ["unauthorised"]
    settled(net, charge(net, 6, 33_000, 36_000))
    net.db.refresh(plug)
    assert plug.measured_power_w == 7_000


def test_the_session_before_is_told_to_whoever_weighs_the_next(net):
    settled(net, charge(net, 0, 5_000, 9_000))
    found = history_of(net.db, charge(net, 3, 9_000, 15_000))
    assert (found.previous_stop_wh, found.habit) == (9_000, LIFETIME)


def test_registers_in_doubt_say_nothing_of_the_next_session(net):
    assert reasons(net, charge(net, 0, 5_000, 945_000)) != []
    after = charge(net, 3, 9_000, 15_000)
    assert history_of(net.db, after).previous_stop_wh is None
    assert "register_overlap" not in reasons(net, after)


def test_a_placeholder_before_a_lifetime_register_is_no_habit():
    rising = [stretch(n, 0, 900_000 + 5_000 * n) for n in (4, 3, 2, 1)]
    assert habit_of(rising) is None
    assert habit_of([stretch(2, 0, 4_000), stretch(1, 0, 9_000)]) == EACH_SESSION
    assert habit_of([stretch(1, 5_000, 9_000)]) == LIFETIME
    assert habit_of([]) is None


def test_a_later_session_that_is_not_billed_yet_holds_nothing_before_it():
    own, after = stretch(1, 5_000, 18_000), stretch(2, 12_000, 21_000)
    assert compare(own, [], [after], LIFETIME).doubts == ()
    assert compare(after, [own], [], LIFETIME).doubts == ("register_overlap",)


def test_a_bill_that_stands_is_not_doubted_for_what_came_after_it():
    own = stretch(1, 5_000, 18_000, billed=True)
    assert compare(own, [], [stretch(2, 12_000, 21_000, billed=True)], LIFETIME).doubts == ()


def test_frames_of_a_session_that_is_sent_again_bill_its_energy_once(any_app):
    db = flask_db.session()
    net = network(db)
    talk = Dialogue(db, LATER, Version.V16, "CP-8")
    talk.station.site.tariff = net.version.tariff
    talk.station.mode, talk.station.max_power_w = StationMode.OPEN, 22_000
    talk.says("BootNotification", {"chargePointVendor": "Vendor", "chargePointModel": "Box"})
    first = spoken(talk, 1 * HOUR, (5_000, 11_000, 18_300))
    second = spoken(talk, 1 * HOUR + timedelta(seconds=1), (5_000, 11_000, 18_300))
    for number in (first, second):
        lone.settle(db, number, now=LATER)
    (bill,) = db.scalars(select(Bill))
    assert (bill.session_id, bill.energy_wh) == (first, 13_300)
    assert db.get(ChargingSession, second).billing is BillingState.HELD


def spoken(talk, after, registers):
    """A session of two hours in the words of 1.6; returns its id."""
    begin = LATER - timedelta(hours=8) + after

    def at(minutes):
        return (begin + timedelta(minutes=minutes)).isoformat()

    first, middle, last = registers
    started = talk.says("StartTransaction", {"connectorId": 1, "idTag": "04A2B3C4D5E680",
                        "meterStart": first, "timestamp": at(0)})  # fmt: skip
    number = started["transactionId"]
    sample = {"value": str(middle), "measurand": "Energy.Active.Import.Register", "unit": "Wh"}
    talk.says("MeterValues", {"connectorId": 1, "transactionId": number,
              "meterValue": [{"timestamp": at(60), "sampledValue": [sample]}]})  # fmt: skip
    talk.says("StopTransaction", {"transactionId": number, "meterStop": last,
              "timestamp": at(120), "reason": "Local"})  # fmt: skip
    session = talk.db.scalar(
        select(ChargingSession).where(ChargingSession.transaction_ref == str(number))
    )
    return session.id
