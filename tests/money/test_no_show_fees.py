"""The fee of an unused reservation: billed once, held where in doubt, counted right."""

import io
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from pypdf import PdfReader
from sqlalchemy import func, select

from app.domain.access import tags
from app.domain.charging import sessions
from app.domain.ground.errors import Conflict, Invalid
from app.domain.ground.vocabulary import (
    Actor,
    BillingState,
    BillKind,
    ConnectorRef,
    ReservationState,
    SessionState,
    Token,
)
from app.domain.money import billing, no_show_fees, reviews, statements, tariff_book
from app.extensions import db as flask_db
from app.models import Bill, ChargingSession, Connection, Reservation
from app.queries.access import drivers as driver_queries
from app.queries.access import person
from app.queries.charging import sessions as session_queries
from app.queries.ground import period
from app.queries.money import bench
from app.queries.money import bills as bill_queries
from app.queries.office import report_sessions
from app.queries.office.report_lines import Wanted
from app.text import bill_text, receipt_pdf, statement_words
from app.text.writers import Writer
from tests.support import lone
from tests.support.charging import PRICES, STARTED, network
from tests.support.fixtures import SQLITE_BY_DAY

pytestmark = pytest.mark.parametrize("database", SQLITE_BY_DAY)

GRACE = Actor("Grace Hopper", 7)
CARD = "04:A2:19:B0"
MINUTE = timedelta(minutes=1)
ENDS = STARTED + 30 * MINUTE
LATER = STARTED + timedelta(hours=2)
#: 2.00 and 0.05 for each of 30 minutes, 19 % on top.
FEES = [{"kind": "no_show", "price": "2"}, {"kind": "no_show_time", "price": "0.05"}]
MARCH = period.month("2026-03")


@pytest.fixture
def net(any_app):
    """A station that is connected, at a site whose tariff has fees for unused reservations."""
    made = network(flask_db.session())
    made.version.definition = {**PRICES, "components": [*PRICES["components"], *FEES]}
    made.version.created_at = STARTED - timedelta(days=60)
    made.site.tariff_id = made.version.tariff_id
    made.tag = tags.add(
        made.db, GRACE, made.site.tenant_id, now=STARTED, value=CARD, driver_id=made.driver.id
    )
    connected(made, STARTED - MINUTE)
    made.db.flush()
    yield made
    made.db.rollback()


def connected(net, since, until=None):
    net.db.add(
        Connection(
            station_id=net.station.id, protocol="ocpp1.6", opened_at=since, closed_at=until,
            node="worker-a", address="192.0.2.7",
        )
    )  # fmt: skip
    net.db.flush()


def reserved(net, **given) -> Reservation:
    """A reservation of half an hour that ran out."""
    values: dict[str, Any] = {
        "tenant_id": net.site.tenant_id, "station_id": net.station.id, "evse": 1, "token": CARD,
        "tag_id": net.tag.id, "driver_id": net.driver.id, "state": ReservationState.EXPIRED,
        "kept_from": STARTED, "created_at": STARTED, "created_by": "Grace", "expires_at": ENDS,
        "settled_at": ENDS, **given,
    }  # fmt: skip
    row = Reservation(**values)
    net.db.add(row)
    net.db.flush()
    return row


def weighed(net, **given) -> ChargingSession | None:
    """The session that bills a reservation that was weighed, if there is one."""
    row = reserved(net, **given)
    no_show_fees.weigh_due(net.db, now=LATER)
    return net.db.get(ChargingSession, row.session_id) if row.session_id else None


def billed(net, **given) -> Bill:
    session = weighed(net, **given)
    assert session is not None
    found = lone.settle(net.db, session.id, now=LATER)
    assert isinstance(found, Bill), found and found.reasons
    return found


def faults(net):
    net.db.flush()
    net.db.expire_all()
    return [str(fault) for fault in billing.verify(net.db, net.site.tenant_id).faults]


def test_a_no_show_is_billed_once_with_number_tax_and_receipt(net):
    row = reserved(net)
    assert no_show_fees.weigh_due(net.db, now=LATER) == 1
    due = billing.unsettled(net.db, now=LATER)
    assert due == [row.session_id]
    bill = lone.settle(net.db, due[0], now=LATER)
    assert (bill.number, bill.kind, bill.energy_wh) == ("2026-000001", BillKind.BILL, 0)
    assert (bill.net_minor, bill.tax_minor, bill.gross_minor) == (350, 67, 417)
    assert [(line.kind, line.quantity, line.unit, line.net_minor) for line in bill.lines] == [
        ("no_show", 1, "reservation", 200),
        ("no_show_time", 30, "min", 150),
    ]
    assert (bill.facts["reservation"], bill.duration_s) == (row.id, 0)
    assert (bill.receipt.state, bill.receipt.recipient) == ("queued", "ada@example.org")
    session = bill.session
    assert (session.state, session.billing) == (SessionState.NO_SHOW, BillingState.BILLED)
    assert (session.started_at, session.ended_at) == (STARTED, ENDS)
    row.no_show = None
    no_show_fees.weigh_due(net.db, now=LATER)
    assert lone.settle(net.db, session.id, now=LATER) is None
    assert billing.unsettled(net.db, now=LATER) == []
    assert net.db.scalar(select(func.count(Bill.id))) == 1
    assert faults(net) == []


def test_it_stands_in_the_chain_between_bills_of_sessions_and_changes_none(net):
    before = lone.issue(net.db, net.session(token="x", evse=3, driver_id=None).id, now=LATER)
    known = before.digest
    bill = billed(net)
    after = lone.issue(net.db, net.session(token="y", evse=4, driver_id=None).id, now=LATER)
    assert (bill.previous_digest, after.previous_digest) == (known, bill.digest)
    assert [before.place, bill.place, after.place] == [1, 2, 3]
    assert faults(net) == []
    assert before.digest == known
    assert "reservation" not in before.facts


@pytest.mark.parametrize(
    "given",
    [
        {"kept_from": None},
        {"settled_at": STARTED + 10 * MINUTE},
        {"expires_at": STARTED, "settled_at": STARTED},
    ],
)
def test_what_was_not_kept_costs_nothing(net, given):
    assert weighed(net, **given) is None
    assert net.db.scalar(select(func.count(ChargingSession.id))) == 0


def test_a_station_that_was_away_all_the_time_costs_nothing(net):
    net.db.query(Connection).delete()
    connected(net, STARTED - MINUTE, STARTED)
    assert weighed(net) is None


@pytest.mark.parametrize(
    "components",
    [
        PRICES["components"],
        [{**FEES[0], "when": {"weekdays": ["sun"]}}],
        [{**FEES[0], "price": "0"}],
    ],
)
def test_a_tariff_without_a_fee_at_that_time_costs_nothing(net, components):
    net.version.definition = {**PRICES, "components": components}
    net.db.flush()
    assert weighed(net) is None


def test_the_price_is_that_of_when_the_plug_was_kept(net):
    dearer = {**PRICES, "components": [{"kind": "no_show", "price": "9"}]}
    tariff_book.edit(net.db, GRACE, net.version.tariff, definition=dearer, now=STARTED + MINUTE)
    assert billed(net).net_minor == 350


def test_a_fee_goes_no_higher_than_the_maximum(net):
    net.version.definition = {**net.version.definition, "maximum": "3"}
    net.db.flush()
    assert billed(net).net_minor == 300


def test_a_station_that_was_away_for_a_part_holds_the_bill(net):
    net.db.query(Connection).delete()
    connected(net, STARTED - MINUTE, STARTED + 5 * MINUTE)
    connected(net, STARTED + 15 * MINUTE)
    review = lone.settle(net.db, weighed(net).id, now=LATER)
    assert review.reasons == ["reserved_offline"]
    bill = reviews.approve(net.db, GRACE, review, note="It was there to begin with.", now=LATER)
    assert bill.net_minor == 350
    assert faults(net) == []


def test_a_driver_who_charged_next_to_it_holds_the_bill_until_it_is_waived(net):
    beside = net.session(evse=2, started_at=STARTED + 5 * MINUTE)
    session = weighed(net)
    review = lone.settle(net.db, session.id, now=LATER)
    assert review.reasons == ["reserved_came"]
    reviews.waive(net.db, GRACE, review, note="They came.", now=LATER)
    assert session.billing is BillingState.WAIVED
    assert lone.settle(net.db, beside.id, now=LATER).gross_minor > 0
    assert faults(net) == []


def test_all_doubts_are_told(net):
    net.session(evse=1, token="other", driver_id=None, started_at=STARTED + 5 * MINUTE)
    net.session(evse=2, started_at=STARTED + 5 * MINUTE)
    review = lone.settle(net.db, weighed(net).id, now=LATER)
    assert review.reasons == ["reserved_came", "reserved_taken"]


def test_one_unused_reservation_says_nothing_against_another(net):
    billed(net)
    second = billed(net, kept_from=STARTED + 5 * MINUTE, settled_at=ENDS)
    assert second.number == "2026-000002"


def begin_late(net, number):
    start = sessions.Start(
        ConnectorRef(1), Token(CARD), Decimal(0), STARTED + 10 * MINUTE, "late",
        reservation_id=number,
    )  # fmt: skip
    return lone.begin(net.db, net.station, start, now=LATER).session


@pytest.mark.parametrize("named", [True, False])
def test_a_reservation_that_was_used_after_all_brings_its_bill_to_review(net, named):
    bill = billed(net)
    session = begin_late(net, bill.facts["reservation"] if named else None)
    row = net.db.get_one(Reservation, bill.facts["reservation"])
    assert (row.state, row.session_id, row.no_show) == (ReservationState.USED, session.id, None)
    assert billing.unsettled(net.db, now=LATER) == [bill.session_id]
    review = lone.settle(net.db, bill.session_id, now=LATER)
    assert review.reasons == ["reserved_used_later", "late_stop_after_decision"]
    reviews.waive(net.db, GRACE, review, note="They charged.", now=LATER)
    own = select(Bill.gross_minor).where(Bill.session_id == bill.session_id).order_by(Bill.id)
    assert net.db.scalars(own).all() == [417, -417]
    assert faults(net) == []


def test_a_fee_that_waits_is_held_when_the_reservation_was_used_after_all(net):
    session = weighed(net)
    row = net.db.get_one(Reservation, session.reservation_id)
    begin_late(net, row.id)
    assert lone.settle(net.db, session.id, now=LATER).reasons == ["reserved_used_later"]


def told_late(net, **given):
    """Settles a session of a plug beside it that is told when the reservation has been weighed."""
    session = net.session(**{"evse": 2, "started_at": STARTED + 5 * MINUTE, **given})
    lone.settle(net.db, session.id, now=LATER)


@pytest.mark.parametrize(
    "given, doubts",
    [
        ({}, ["reserved_came"]),
        ({"driver_id": None, "token": CARD.lower()}, ["reserved_came"]),
        ({"started_at": STARTED - 3 * MINUTE}, ["reserved_came"]),
        ({"driver_id": None, "token": "other", "evse": 1}, ["reserved_taken"]),
        ({"evse": 1, "token": "Y"}, ["reserved_came", "reserved_taken"]),
    ],
)
def test_a_session_that_is_told_later_and_speaks_against_it_brings_its_bill_to_review(
    net, given, doubts
):
    bill = billed(net)
    told_late(net, **given)
    row = net.db.get_one(Reservation, bill.facts["reservation"])
    assert (row.state, row.no_show) == (ReservationState.EXPIRED, False)
    assert billing.unsettled(net.db, now=LATER) == [bill.session_id]
    review = lone.settle(net.db, bill.session_id, now=LATER)
    assert review.reasons == [*doubts, "late_stop_after_decision"]
    told_late(net, started_at=STARTED + 6 * MINUTE)
    reviews.waive(net.db, GRACE, review, note="They charged.", now=LATER)
    own = select(Bill.gross_minor).where(Bill.session_id == bill.session_id).order_by(Bill.id)
    assert net.db.scalars(own).all() == [417, -417]
    assert faults(net) == []


def test_a_session_that_is_told_later_holds_a_fee_that_waits_and_is_settled_with_it(net):
    fee, beside = weighed(net), net.session(evse=2, started_at=STARTED + 5 * MINUTE)
    found = billing.settle_all(net.db, [beside.id, fee.id], now=LATER)
    assert found[fee.id].reasons == ["reserved_came"]
    assert found[beside.id].gross_minor > 0


@pytest.mark.parametrize(
    "given",
    [
        {"started_at": ENDS + 6 * MINUTE},
        {"started_at": STARTED - 70 * MINUTE},
        {"driver_id": None, "token": "other"},
    ],
)
def test_a_session_at_another_time_or_of_somebody_else_leaves_the_fee(net, given):
    bill = billed(net)
    told_late(net, **given)
    assert net.db.get_one(Reservation, bill.facts["reservation"]).no_show is True
    assert billing.unsettled(net.db, now=LATER) == []


def test_it_is_taken_back_whole_and_has_no_energy_to_correct(net):
    bill = billed(net)
    with pytest.raises(Invalid, match="has no energy"):
        billing.correct(net.db, GRACE, bill.session, reason="?", now=LATER, energy_wh=Decimal(5000))
    with pytest.raises(Conflict, match="would not change"):
        billing.correct(net.db, GRACE, bill.session, reason="?", now=LATER)
    assert list(billing.recompute(net.db, tenant_id=net.site.tenant_id, now=LATER)) == []
    credit = billing.refund(net.db, GRACE, bill.session, reason="goodwill", now=LATER)
    assert (credit.gross_minor, credit.facts["reservation"]) == (-417, bill.facts["reservation"])
    assert faults(net) == []


def test_it_is_money_and_no_session_in_reports_and_lists(net):
    with_car = net.session(evse=2, token="other", driver_id=net.driver.id, started_at=LATER)
    lone.issue(net.db, with_car.id, now=LATER + timedelta(hours=2))
    bill = billed(net)
    wanted = Wanted(net.site.tenant_id, MARCH)
    now = LATER + timedelta(days=40)
    [energy] = report_sessions.energy(net.db, wanted, now=now).whole
    assert (energy.sums["sessions"], energy.sums["connected_s"]) == (1, 3600)
    [revenue] = report_sessions.revenue(net.db, wanted, now=now).whole
    assert (revenue.sums["bills"], revenue.sums["gross_minor"]) == (2, 417 + 536)
    [tries] = report_sessions.tries(net.db, wanted, now=now).whole
    assert tries.sums["tries"] == 1
    [use] = report_sessions.use(net.db, wanted, now=now).whole
    assert use.sums["used_s"] == 3600
    listed = session_queries.Filter(driver_id=net.driver.id)
    found = session_queries.totals(net.db, listed)
    assert (found.sessions, found.gross_minor) == (1, {"EUR": 536})
    unused = session_queries.Filter(state="no_show")
    assert net.db.scalars(unused.select(net.db)).all() == [bill.session]
    assert driver_queries.use_by_driver(net.db, [net.driver.id])[net.driver.id].sessions == 1
    [sums] = bill_queries.totals(net.db, bill_queries.Filter())
    assert (sums.bills, sums.gross_minor, sums.duration_s) == (2, 417 + 536, 3600)


def test_it_stands_in_the_statement_of_the_month_and_in_the_persons_file(net):
    bill = billed(net)
    statement = statements.of(net.db, net.driver, date(2026, 3, 1))
    assert [each.gross_minor for each in statement.sums] == [417]
    [line] = statement_words.in_words(statement, "en").lines
    assert line.energy == "unused reservation"
    assert "4.17" in statement_words.letter(statement).text
    assert bill.id in [row.id for row in bills_of_person(net)]


def bills_of_person(net):
    [kind] = [kind for kind in person.KINDS if kind.name == "bills"]
    return net.db.scalars(kind.rows(net.driver)).all()


@pytest.mark.parametrize(
    ("language", "texts"),
    [
        ("en", ("your reservation of", "Reserved", "The reservation", "and nobody came")),
        ("de", ("Ihrer Reservierung", "Reserviert", "Die Reservierung", "niemand kam")),
    ],
)
def test_its_receipt_says_that_it_is_of_a_reservation(net, language, texts):
    bill = billed(net)
    words = bill_text.in_words(bill, Writer(language, "Europe/Berlin"))
    said = " ".join([words.opening, words.about, *words.why, *map(" ".join, words.figures)])
    for text in texts:
        assert text in said, text
    assert "kWh" not in words.summary
    made = receipt_pdf.receipt(bill, language)
    assert made == receipt_pdf.receipt(bill, language)
    page = PdfReader(io.BytesIO(made)).pages[0].extract_text()
    assert texts[2] in page and "kWh" not in page


def test_a_draft_is_tried_on_what_ran_out_unused_too(net):
    bill = billed(net)
    document = {"schema": 1, "currency": "EUR", "components": [{"kind": "no_show", "price": "5"}]}
    found = bench.run(
        net.db, net.site.tenant_id, tariff_book.checked(document), MARCH,
        tariff=net.version.tariff, now=LATER + timedelta(days=40),
    )  # fmt: skip
    assert [(row.session_id, row.old_minor, row.new_minor) for row in found.rows] == [
        (bill.session_id, 417, 500)
    ]
