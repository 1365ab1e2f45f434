"""What the charger itself told the driver: its total, and what was paid at its terminal."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest
from sqlalchemy import select

from app.domain.ground.vocabulary import Actor, BillingState, CommandState, Order
from app.domain.money import billing, reviews, settlements, validity
from app.domain.money.settlements import Reported
from app.extensions import db as flask_db
from app.models import Bill, Command, Review, Settlement, TariffVersion, TransactionEvent
from app.text import bill_text, letters
from app.text.writers import DeskWriter
from tests.support import lone
from tests.support.charging import PRICES, STARTED, network

LATER = STARTED + timedelta(hours=2)
GRACE = Actor("Grace Hopper", 7)
#: 10 kWh at the prices of `network`, with tax.
TOTAL = Decimal("5.36")


@pytest.fixture
def net(any_app):
    return network(flask_db.session())


def settle_payment(net, session, amount, state="settled", reference="psp-1", **more):
    told = Reported(reference, state, Decimal(amount), LATER, session.transaction_ref)
    settlements.take_in(net.db, net.station, replace(told, **more), now=LATER)
    if session.billing is not BillingState.OPEN:
        lone.settle(net.db, session.id, now=LATER)


def settled(net, session):
    return lone.settle(net.db, session.id, now=LATER)


def waiting(net):
    return net.db.scalars(select(Review).where(Review.decided_at.is_(None))).all()


def test_a_payment_of_the_whole_total_leaves_nothing_to_pay(net):
    session = net.session()
    settle_payment(net, session, TOTAL, receipt_number="R-77")
    bill = settled(net, session)
    assert bill.facts["payments"] == [["psp-1", 536, "R-77"]]
    facts = dict(bill_text.in_words(bill, DeskWriter("Europe/Berlin")).facts)
    assert facts["Paid at the charger"].endswith("(R-77)")
    assert "5.36" in facts["Paid at the charger"]
    assert "0.00" in facts["Still to pay"]


@pytest.mark.parametrize(
    ("language", "words"),
    [
        ("en", ("Paid at the charger", "Still to pay")),
        ("de", ("An der Ladesäule bezahlt", "Noch zu")),
    ],
)
def test_the_receipt_says_what_was_paid_at_the_charger(net, language, words):
    session = net.session()
    settle_payment(net, session, TOTAL)
    letter = letters.receipt(settled(net, session), language)
    for word in words:
        assert word in letter.text
        assert word in letter.html


def test_a_bill_without_a_payment_says_nothing_of_one(net):
    letter = letters.receipt(settled(net, net.session()), "en")
    assert "Paid at the charger" not in letter.text
    assert "Still to pay" not in letter.text


@pytest.mark.parametrize("amount", ["5.00", "6.00", "0.01", "1000000000"])
def test_another_amount_than_the_total_holds_the_bill(net, amount):
    session = net.session()
    settle_payment(net, session, amount)
    assert settled(net, session).reasons == ["settled_differs"]
    (review,) = waiting(net)
    bill = reviews.approve(net.db, GRACE, review, note="the rest is asked for", now=LATER)
    assert bill.facts["payments"] == [["psp-1", int(Decimal(amount) * 100), None]]


@pytest.mark.parametrize("state", ["failed", "rejected", "cancelled"])
def test_a_payment_that_did_not_go_through_pays_nothing(net, state):
    session = net.session()
    settle_payment(net, session, TOTAL, state)
    assert settled(net, session).facts["payments"] == []


def test_a_payment_told_twice_counts_once_and_two_payments_add_up(net):
    session = net.session()
    for _ in range(2):
        settle_payment(net, session, "5.00")
    settle_payment(net, session, "0.36", reference="psp-2")
    bill = settled(net, session)
    assert sum(paid[1] for paid in bill.facts["payments"]) == 536


def test_a_payment_that_is_told_before_its_session_is_found_again(net):
    told = Reported("psp-1", "settled", TOTAL, LATER, "t0")
    settlements.take_in(net.db, net.station, told, now=LATER)
    session = net.session()
    assert session.transaction_ref == "t0"
    assert settled(net, session).facts["payments"][0][1] == 536


def test_a_payment_of_the_total_after_the_bill_needs_nobody(net):
    session = net.session()
    bill = settled(net, session)
    settle_payment(net, session, TOTAL)
    assert session.billing is BillingState.BILLED
    assert waiting(net) == []
    assert billing.late_payments(net.db, bill)[0].minor == 536


def test_a_payment_of_another_amount_after_the_bill_goes_to_review_once(net):
    session = net.session()
    settled(net, session)
    settle_payment(net, session, "7.00")
    (review,) = waiting(net)
    assert review.reasons == ["settled_differs"]
    assert session.billing is BillingState.HELD
    reviews.approve(net.db, GRACE, review, note="paid back by hand", now=LATER)
    settle_payment(net, session, "7.00")
    assert waiting(net) == []
    assert len(net.db.scalars(select(Bill)).all()) == 1


def test_a_payment_that_is_taken_back_after_the_bill_goes_to_review(net):
    session = net.session()
    settle_payment(net, session, TOTAL)
    settled(net, session)
    settle_payment(net, session, TOTAL, "cancelled")
    assert [review.reasons for review in waiting(net)] == [["settled_differs"]]


def test_a_payment_for_a_session_that_was_to_cost_nothing_goes_to_review(net):
    ended = STARTED + timedelta(seconds=6)
    session = net.session(wh=0, ended_at=ended, stop_received_at=ended)
    assert settled(net, session) is None
    settle_payment(net, session, "0.60")
    assert len(waiting(net)) == 1


@pytest.mark.parametrize(("amount", "told"), [("5.36", False), ("7.00", True)])
def test_a_payment_for_a_session_that_waits_is_told_to_the_reviewer(net, amount, told):
    session = net.session(unauthorised=True)
    settled(net, session)
    settle_payment(net, session, amount)
    (review,) = waiting(net)
    assert ("settled_differs" in review.reasons) is told


def test_a_reference_of_a_charger_can_neither_flood_nor_break_a_receipt(net):
    session = net.session()
    settle_payment(net, session, TOTAL, reference="<b>x</b>\n" + "y" * 200)
    letter = letters.receipt(settled(net, session), "en")
    assert "<b>x" not in letter.html
    assert "y" * 41 not in letter.text


def test_one_payment_pays_one_session(net):
    first, second = net.session(), net.session()
    settle_payment(net, first, TOTAL)
    row = net.db.scalars(select(Settlement)).one()
    row.receipt_key = "of the first"
    settled(net, first)
    settle_payment(net, second, TOTAL)
    assert isinstance(settled(net, first), Review)
    assert settled(net, second).facts["payments"] == [["psp-1", 536, None]]
    assert row.receipt_key is None


def test_a_payment_told_again_stays_where_it_was_though_its_id_is_used_again(net):
    first = net.session()
    settle_payment(net, first, TOTAL)
    settled(net, first)
    ref, first.transaction_ref = first.transaction_ref, "t0#1"
    second = net.session(transaction_ref=ref, started_at=STARTED + timedelta(days=90))
    settle_payment(net, second, TOTAL)
    assert settled(net, second).facts["payments"] == []
    assert settled(net, first) is None
    told = Reported("psp-1", "settled", TOTAL + 1, LATER)
    settlements.take_in(net.db, net.station, told, now=LATER)
    assert isinstance(settled(net, first), Review)


def test_a_payment_told_before_its_session_pays_no_later_one_of_that_id(net):
    told = Reported("psp-1", "settled", TOTAL, LATER, "t0")
    settlements.take_in(net.db, net.station, told, now=LATER)
    first = net.session()
    assert settled(net, first).facts["payments"]
    first.transaction_ref = "t0#1"
    second = net.session(transaction_ref="t0", started_at=STARTED + timedelta(days=90))
    assert settled(net, second).facts["payments"] == []


def test_a_payment_at_another_station_is_not_this_sessions(net):
    session = net.session()
    told = Reported("psp-1", "settled", TOTAL, LATER, "nobody")
    settlements.take_in(net.db, net.station, told, now=LATER)
    assert settled(net, session).facts["payments"] == []


@pytest.mark.parametrize(
    ("limits", "held"),
    [
        ({"most_cost": "5.20"}, False),
        ({"most_cost": "5.00"}, True),
        ({"most_kwh": 10, "most_minutes": 1}, False),
        ({"most_kwh": "9.5"}, True),
        ({}, False),
    ],
)
def test_a_session_that_went_beyond_the_limit_of_its_order_is_held(net, limits, held):
    found = settled(net, net.session(remote_command_id=ordered(net, limits)))
    assert getattr(found, "reasons", None) == (["beyond_limit"] if held else None)


@pytest.mark.parametrize(
    ("limits", "held"),
    [
        ({"most_minutes": 50}, False),
        ({"most_minutes": 45}, True),
        ({"most_percent": 79}, False),
        ({"most_percent": 75}, True),
    ],
)
def test_energy_that_flowed_beyond_a_time_or_a_charge_is_held(net, limits, held):
    session = net.session(remote_command_id=ordered(net, limits), last_soc_percent=80.0)
    for minute, wh in ((24, 5_000), (48, 9_800), (50, 9_980)):
        net.reading(session, minute, wh)
    assert getattr(settled(net, session), "reasons", None) == (["beyond_limit"] if held else None)


def test_a_register_that_is_told_in_whole_kilowatt_hours_tells_of_no_energy_after_its_last(net):
    order = ordered(net, {"most_minutes": 30})
    session = net.session(wh=9_600, remote_command_id=order)
    for minute, wh in ((10, 4_000), (20, 8_000), (30, 9_000), (45, 9_000), (55, 9_000)):
        net.reading(session, minute, wh)
    assert getattr(settled(net, session), "reasons", None) is None


def test_sessions_of_one_order_are_each_held_against_its_limit(net):
    order = ordered(net, {"most_kwh": 9})
    both = [net.session(remote_command_id=order).id for _ in range(2)]
    found = billing.settle_all(net.db, both, now=LATER)
    assert [found[number].reasons for number in both] == [["beyond_limit"]] * 2


@pytest.mark.parametrize(
    ("told", "held"),
    [
        ([{"maxEnergy": 9_000, "maxSoC": None}], True),
        ([{"maxEnergy": 9_000}, {"maxEnergy": 12_000, "maxCost": "x"}], False),
        ([{"maxCost": 5}], True),
        ([{"maxTime": 0, "maxCost": 0}, []], False),
    ],
)
def test_a_limit_that_a_driver_set_at_the_charger_holds_what_went_beyond(net, told, held):
    facts = [{"limits": each} for each in told]
    session = net.session(last_seq_no=len(told))
    for number, each in enumerate(facts):
        tell(net, session, number, each)
    assert getattr(settled(net, session), "reasons", None) == (["beyond_limit"] if held else None)


@pytest.mark.parametrize(
    ("kwh", "name", "held"),
    [
        ("0.39", "ampdesk-{}-2", True),
        ("0.41", "ampdesk-{}-2", False),
        ("0.39", "ampdesk-{}-3", False),
        ("0.39", "theirs-{}-2", False),
    ],
)
def test_a_bill_above_the_price_that_the_charger_showed_is_held(net, kwh, name, held):
    energy = {"kind": "energy", "price": kwh}
    prices = {**PRICES, "components": [PRICES["components"][0], energy]}
    now = net.version
    earlier = TariffVersion(
        tariff_id=now.tariff_id, number=2, definition=prices, created_at=STARTED, created_by="Ada"
    )
    net.db.add(earlier)
    session = net.session(last_seq_no=1)
    tell(net, session, 0, {"tariff": name.format(now.tariff_id)})
    for number, odd in enumerate((7, ["x"], {}), 1):
        tell(net, session, number, {"tariff": odd})
    found = settled(net, session)
    assert getattr(found, "reasons", None) == (["other_price_shown"] if held else None)


def test_a_station_may_name_more_prices_than_a_statement_can_list(net):
    names = {f"ampdesk-{number}-3" for number in range(40_000)} | {f"ampdesk-{10**18 - 1}-1"}
    found = validity.versions_named(net.db, net.site.tenant_id, names)
    assert found == [net.version.id]
    assert validity.versions_named(net.db, net.site.tenant_id + 1, names) == []


def tell(net, session, number, facts):
    """Add an event of a session's transaction with what the charger told in it."""
    at = STARTED + timedelta(minutes=number)
    net.db.add(
        TransactionEvent(
            station_id=session.station_id,
            session_id=session.id,
            transaction_ref=session.transaction_ref,
            kind="started" if not number else "updated",
            seq_no=number,
            trigger="LimitSet",
            at=at,
            received_at=at,
            facts=facts,
            payload={},
            digest=str(number),
        )
    )
    net.db.flush()


def ordered(net, limits):
    """The number of an order to start with limits."""
    order = Command(
        tenant_id=net.site.tenant_id,
        station_id=net.station.id,
        order=Order.START_CHARGING,
        arguments={"token": "APP-1", **limits},
        state=CommandState.ACCEPTED,
        requested_by="Grace Hopper",
        requested_at=STARTED,
        expires_at=LATER,
    )
    net.db.add(order)
    net.db.flush()
    return order.id
