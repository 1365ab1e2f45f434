"""What only 2.1 has: inverter controls, tariffs at the station, payments, battery swaps."""

from datetime import timedelta
from types import SimpleNamespace

import pytest

from app.domain.commands import orders
from app.domain.ground.errors import Conflict, Invalid, NotFound
from app.domain.ground.vocabulary import Order
from app.models import (
    BatterySwap,
    CompositeSchedule,
    DerControl,
    Settlement,
    StationProfile,
    StationReport,
    StationTariff,
)
from tests.dialects.energy_samples import CONTROLS, TARIFF, put_tariff
from tests.support.energy import yard
from worker.dialects.v21 import access
from worker.dialects.v21 import der as wire
from worker.dialects.v21.access import ORDERS
from worker.providers import VatRecord

__all__ = ["yard"]

LIMIT = {"purpose": "default", "kind": "absolute", "unit": "A", "periods": [{"limit": "16"}]}
FIXED = CONTROLS["fixed_var"]
DESK = SimpleNamespace(receipts_base="https://desk.example")
TIMES = {"starts_at": "2026-03-02T09:00:00Z", "duration_s": "900"}


@pytest.fixture
def priced(db, yard):
    """Put a definition into the tariff book; return the tariff's number."""

    return lambda **changes: put_tariff(db, yard.station.tenant_id, **changes)


def test_a_control_is_set_superseded_started_and_over(db, yard, now):
    first = yard.order(Order.SET_DER_CONTROL, kind="fixed_var", document={**FIXED, **TIMES})
    yard.answer(first)
    name = first.arguments["control"]
    assert name.startswith("amp-")
    second = yard.order(
        Order.SET_DER_CONTROL, kind="fixed_var", document={**FIXED, **TIMES}, control="grid-2"
    )
    yard.answer(second, superseded=[name])
    row, other = db.query(DerControl).order_by(DerControl.id)
    assert (row.state, other.state) == ("superseded", "accepted")
    told = {"controlId": "grid-2", "timestamp": now.isoformat()}
    assert yard.hear("NotifyDERStartStop", **told, started=True) == {}
    assert other.running
    yard.hear("NotifyDERStartStop", **told, started=False)
    assert (other.running, other.state, other.sentence) == (False, "cleared", "Its time is over.")


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"kind": "fixed_var", "document": {}}, "priority is missing"),
        ({"kind": "fixed_var", "document": {**FIXED, "colour": 1}}, "has no colour"),
        (
            {"kind": "fixed_var", "document": {**FIXED, "setpoint": "x"}},
            "setpoint must be a number",
        ),
        ({"kind": "fixed_var", "document": {**FIXED, "unit": "bananas"}}, "unit must be one of"),
        ({"kind": "volt_var", "document": {**CONTROLS["curve"], "points": []}}, "1 to 10 points"),
        (
            {"kind": "fixed_var", "document": {**FIXED, **TIMES}, "default": "yes"},
            "no start and no duration",
        ),
        ({"kind": "gradients", "document": CONTROLS["gradient"]}, "as a default only"),
    ],
)
def test_a_wrong_control_is_refused(yard, wrong, sentence):
    with pytest.raises(Invalid, match=sentence):
        yard.order(Order.SET_DER_CONTROL, **wrong)


def test_controls_that_are_cleared_or_not_found_are_gone(db, yard):
    for number, default in (("a", "yes"), ("b", "no")):
        yard.answer(
            yard.order(
                Order.SET_DER_CONTROL,
                kind="fixed_var",
                document=FIXED,
                control=number,
                default=default,
            )
        )
    default, scheduled = db.query(DerControl).order_by(DerControl.number)
    yard.answer(yard.order(Order.CLEAR_DER_CONTROL))
    assert (default.state, scheduled.state) == ("accepted", "cleared")
    yard.answer(yard.order(Order.READ_DER_CONTROL), "NotFound")
    assert default.state == "cleared"


@pytest.mark.parametrize("shape", CONTROLS)
def test_a_control_reads_as_it_was_written(shape):
    document = CONTROLS[shape]
    again = wire.written(shape, wire.read(shape, wire.written(shape, document)))
    assert again == wire.written(shape, document)


def test_reported_controls_are_known(db, yard):
    item = {"id": "c-9", "isDefault": True, "isSuperseded": False}
    curve = wire.written("curve", CONTROLS["curve"])
    yard.hear(
        "ReportDERControl",
        requestId=1,
        curve=[{**item, "curveType": "HVMustTrip", "curve": curve}],
        gradient=[{"id": "c-8", "gradient": wire.written("gradient", CONTROLS["gradient"])}],
    )
    rows = db.query(DerControl).order_by(DerControl.number).all()
    assert [(row.number, row.kind, row.state) for row in rows] == [
        ("c-8", "gradients", "reported"),
        ("c-9", "hv_must_trip", "reported"),
    ]


def test_an_alarm_of_the_grid_is_kept(db, yard, now):
    told = {"controlType": "HVMustTrip", "timestamp": now.isoformat()}
    yard.hear("NotifyDERAlarm", **told, gridEventFault="OverVoltage", extraInfo="251 V")
    yard.hear("NotifyDERAlarm", **told, alarmEnded=True)
    rows = db.query(StationReport).filter_by(kind="der_alarm").order_by(StationReport.id).all()
    assert [row.word for row in rows] == [
        "High voltage, must trip",
        "High voltage, must trip ended",
    ]
    assert rows[0].payload["fault"] == "OverVoltage"


def test_a_tariff_of_the_book_becomes_one_of_the_station(db, yard, priced):
    command = yard.order(Order.SET_DEFAULT_TARIFF, tariff_id=priced())
    yard.answer(command)
    row = db.query(StationTariff).one()
    assert (row.state, row.number) == ("accepted", f"ampdesk-{command.arguments['tariff_id']}-1")
    told = access.written("t", "Kerb", TARIFF)
    assert told["energy"]["prices"][0] == {
        "priceKwh": 0.25210084,
        "conditions": {
            "startTimeOfDay": "22:00",
            "endTimeOfDay": "00:00",
            "dayOfWeek": ["Monday", "Sunday"],
        },
    }
    assert told["energy"]["prices"][1]["conditions"] == {"maxEnergy": 50_000.0}
    assert told["energy"]["prices"][2]["conditions"] == {"validToDate": "2027-01-01"}
    assert told["energy"]["taxRates"] == [{"type": "VAT", "tax": 19.0}]
    assert told["chargingTime"]["prices"][0]["conditions"] == {"minTime": 300, "maxTime": 14_400}
    assert told["idleTime"]["prices"][0]["conditions"] == {"minIdleTime": 600}
    assert (told["minCost"], told["maxCost"]) == ({"inclTax": 1.0}, {"inclTax": 50.0})


@pytest.mark.parametrize(
    ("components", "sentence"),
    [
        ([{"kind": "connected_time", "price": "1"}], "charges for connected time"),
        ([{"kind": "energy", "price": "1", "step": 1000}], "charges whole steps"),
        (
            [
                {"kind": "energy", "price": "1", "tax_percent": "7"},
                {"kind": "energy", "price": "2"},
            ],
            "prices for energy have several taxes",
        ),
        ([], "It charges nothing"),
        ([{"kind": "no_show", "price": "2"}], "It charges nothing"),
    ],
)
def test_a_tariff_that_a_station_cannot_say_is_refused(yard, priced, components, sentence):
    with pytest.raises(Conflict, match=sentence):
        yard.order(Order.SET_DEFAULT_TARIFF, tariff_id=priced(components=components))


def test_a_fee_for_unused_reservations_stays_with_us(yard, priced):
    fees = [
        {"kind": "no_show_time", "price": "0.1", "step": 60},
        {"kind": "no_show_time", "price": "0.2", "tax_percent": "7"},
    ]
    energy = {"kind": "energy", "price": "0.5"}
    yard.answer(yard.order(Order.SET_DEFAULT_TARIFF, tariff_id=priced(components=[energy, *fees])))
    document = {"schema": 1, "currency": "EUR", "components": [energy, *fees]}
    told = access.written("t", "Kerb", document)
    assert [key for key in told if key not in ("tariffId", "description", "currency")] == ["energy"]


def test_the_tariff_of_a_session_keeps_its_currency(yard, priced):
    session = yard.session()
    with pytest.raises(Conflict, match="the site charges in EUR"):
        yard.order(
            Order.CHANGE_TRANSACTION_TARIFF,
            tariff_id=priced(currency="SEK"),
            session_id=session.id,
        )
    with pytest.raises(NotFound):
        yard.order(Order.CHANGE_TRANSACTION_TARIFF, tariff_id=99, session_id=session.id)


@pytest.mark.parametrize(("word", "held"), [("Accepted", True), ("TxNotFound", False)])
def test_a_session_whose_price_is_changed_on_the_way_waits_for_a_person(yard, priced, word, held):
    session = yard.session()
    change = yard.order(Order.CHANGE_TRANSACTION_TARIFF, tariff_id=priced(), session_id=session.id)
    yard.answer(change, word)
    assert ("other_price_shown" in session.flags) is held


def test_a_session_that_is_told_its_own_price_does_not_wait(yard, priced):
    session, number = yard.session(), priced()
    change = yard.order(Order.CHANGE_TRANSACTION_TARIFF, tariff_id=number, session_id=session.id)
    session.tariff_version_id = yard.db.query(StationTariff).one().tariff_version_id
    yard.answer(change)
    assert session.flags == []


def test_what_a_station_reports_and_clears_is_believed(db, yard, priced):
    yard.answer(yard.order(Order.SET_DEFAULT_TARIFF, tariff_id=priced()))
    ours = db.query(StationTariff).one()
    theirs = {"number": "other", "kind": "driver", "evses": [1]}
    yard.answer(yard.order(Order.READ_TARIFFS), tariffs=[theirs])
    assert ours.state == "cleared"
    other = db.query(StationTariff).filter_by(number="other").one()
    assert (other.state, other.kind, other.evse) == ("reported", "driver", 1)
    command = yard.order(Order.CLEAR_TARIFFS)
    answer = {"clearTariffsResult": [{"tariffId": "other", "status": "Accepted"}]}
    outcome = ORDERS[Order.CLEAR_TARIFFS].outcome(answer, command.arguments)
    assert outcome.sentence == "The charger cleared 1 tariffs."
    yard.answer(command, **outcome.facts)
    assert other.state == "cleared"


def test_a_refused_clearing_of_one_tariff_is_a_refusal(yard):
    answer = {
        "clearTariffsResult": [{"tariffId": "a", "status": "Rejected"}, {"status": "NoTariff"}]
    }
    outcome = ORDERS[Order.CLEAR_TARIFFS].outcome(answer, {})
    assert outcome.word == "Rejected"
    assert outcome.facts["cleared"][1] == {"number": None, "gone": True}


def test_a_settlement_is_kept_once_with_its_session(db, yard, now):
    session = yard.session()
    told = {
        "pspRef": "psp-1",
        "transactionId": "41",
        "settlementAmount": 12.4,
        "settlementTime": (now - timedelta(minutes=1)).isoformat(),
    }
    failed = {**told, "status": "Failed", "statusInfo": "later"}
    assert yard.hear("NotifySettlement", DESK, **failed) == {}
    done = {**told, "status": "Settled", "receiptId": "R-1", "vatNumber": "DE1"}
    assert yard.hear("NotifySettlement", DESK, **done) == {}
    row = db.query(Settlement).one()
    assert (row.session_id, row.state, str(row.amount)) == (session.id, "settled", "12.4")
    assert (row.receipt_number, row.vat_number) == ("R-1", "DE1")


def test_a_payment_whose_receipt_is_left_to_us_is_told_where_that_is(db, yard):
    """C21.FR.03; the address is the same however often it is asked for."""
    yard.setting("ReceiptByCSMS", "true", "PaymentCtrlr")
    told = {"pspRef": "psp-1", "settlementAmount": 3, "settlementTime": yard.now.isoformat()}
    failed = {**told, "status": "Failed"}
    assert yard.hear("NotifySettlement", DESK, **failed) == {}
    first, again = (yard.hear("NotifySettlement", DESK, **told, status="Settled") for _ in "12")
    row = db.query(Settlement).one()
    assert first == {
        "receiptUrl": f"https://desk.example/r/{row.receipt_key}",
        "receiptId": f"S-{row.id}",
    }
    assert again == first
    assert len(row.receipt_key) > 30


ACME = {"name": "Acme GmbH", "address1": "Hof 1", "city": "Ulm", "country": "DE"}


@pytest.mark.parametrize(
    ("number", "record", "status", "company"),
    [
        ("DE 136 695 976", VatRecord(), "Accepted", None),
        ("DE136695976", VatRecord(True, ACME), "Accepted", ACME),
        ("DE136695976", VatRecord(False), "Rejected", None),
        ("DE136695978", VatRecord(True), "Rejected", None),
        ("136695976", VatRecord(True), "Rejected", None),
        ("QQ1", VatRecord(True), "Rejected", None),
    ],
)
def test_a_vat_number_is_accepted_that_is_one_and_that_no_register_denies(
    db, yard, number, record, status, company
):
    asked = []
    desk = SimpleNamespace(vat_record=lambda *about: asked.append(about) or record)
    answer = yard.hear("VatNumberValidation", desk, vatNumber=number, evseId=1)
    told = {"status": status, "vatNumber": number, "evseId": 1}
    assert answer == (told | {"company": company} if company else told)
    assert db.query(StationReport).filter_by(kind="vat_number").one().word == number
    assert asked in ([], [("DE", "136695976")])


def test_a_swap_is_asked_for_and_told_step_by_step(db, yard):
    command = yard.order(Order.REQUEST_BATTERY_SWAP, token="04A2")
    number = command.arguments["number"]
    battery = {"evseId": 1, "serialNumber": "B-1", "soC": 11.5, "soH": 97}
    token = {"idToken": "04a2", "type": "ISO14443"}
    for step in ("BatteryIn", "BatteryIn", "BatteryOut"):
        answer = yard.hear(
            "BatterySwap",
            requestId=number,
            eventType=step,
            idToken=token,
            batteryData=[battery],
        )
        assert answer == {}
    rows = db.query(BatterySwap).order_by(BatterySwap.id).all()
    assert [row.step for row in rows] == ["in", "out"]
    assert rows[0].command_id == command.id
    assert rows[0].batteries[0]["charge_percent"] == "11.5"


def test_a_web_payment_is_announced(yard):
    command = yard.order(Order.ANNOUNCE_WEB_PAYMENT, connector=1, timeout_s=60)
    outcome = ORDERS[Order.ANNOUNCE_WEB_PAYMENT].outcome({}, command.arguments)
    assert outcome.sentence == "The charger knows of the payment."


@pytest.mark.parametrize("number", ["1e999999999", "1e-999999999", "NaN", True])
def test_no_number_of_a_control_fills_the_memory(yard, number):
    with pytest.raises(Invalid):
        yard.order(Order.SET_DER_CONTROL, kind="fixed_var", document={**FIXED, "setpoint": number})


def test_absurd_numbers_of_a_station_fit_the_columns(db, yard, now):
    told = {"pspRef": "psp-9", "settlementTime": now.isoformat(), "status": "Settled"}
    yard.hear("NotifySettlement", DESK, **told, settlementAmount=1e20)
    assert db.query(Settlement).one().amount == 10**9
    yard.hear(
        "ReportChargingProfiles",
        requestId=2**31 - 1,
        chargingLimitSource="CSO",
        evseId=20_000,
        chargingProfile=[
            {
                "id": 2**31 - 1,
                "stackLevel": 0,
                "chargingProfilePurpose": "TxDefaultProfile",
                "chargingProfileKind": "Absolute",
                "chargingSchedule": [
                    {
                        "id": 1,
                        "chargingRateUnit": "A",
                        "chargingSchedulePeriod": [{"startPeriod": 0}],
                    }
                ],
            }
        ],
    )
    row = db.query(StationProfile).one()
    assert (row.evse, row.reported_id, row.report_number) == (0, 2**31 - 1, 2**31 - 1)
    command = yard.order(Order.READ_COMPOSITE_SCHEDULE)
    schedule = {"evse": 1, "unit": "A", "starts_at": "9999-12-31T00:00:00+00:00"}
    yard.answer(command, schedule={**schedule, "duration_s": 2**60, "periods": [[2**60, "1", 3]]})
    kept = db.query(CompositeSchedule).one()
    assert (kept.starts_at, kept.duration_s) == (now, 366 * 86_400)
    assert kept.periods[0][0] == 366 * 86_400


def test_a_dynamic_profile_is_updated_and_asked_for(db, yard):
    document = {**LIMIT, "kind": "dynamic", "update_every_s": 60}
    yard.answer(yard.order(Order.SET_PROFILE, document=document))
    row = db.query(StationProfile).one()
    pull = {"chargingProfileId": row.id}
    assert yard.hear("PullDynamicScheduleUpdate", **pull) == {
        "status": "Accepted",
        "scheduleUpdate": {"limit": 16.0},
    }
    update = yard.order(
        Order.UPDATE_DYNAMIC_SCHEDULE, station_profile_id=row.id, limit="10", setpoint="-5.55"
    )
    assert update.arguments["update"] == {"limit": "10.0", "setpoint": "-5.5"}
    yard.answer(update)
    assert yard.hear("PullDynamicScheduleUpdate", **pull)["scheduleUpdate"] == {
        "limit": 10.0,
        "setpoint": -5.5,
    }


def test_a_profile_that_is_not_dynamic_has_no_update(db, yard):
    yard.answer(yard.order(Order.SET_PROFILE, document=LIMIT))
    number = db.query(StationProfile).one().id
    answer = yard.hear("PullDynamicScheduleUpdate", chargingProfileId=number)
    assert answer == {"status": "Rejected", "statusInfo": {"reasonCode": "InvalidProfile"}}


def test_priority_at_the_station_is_kept_with_its_session(db, yard):
    yard.session()
    assert yard.hear("NotifyPriorityCharging", transactionId="41", activated=True) == {}
    row = db.query(StationReport).filter_by(kind="priority_charging").one()
    assert row.word == "on"


def test_the_orders_of_21_are_its_messages(db, yard, priced):
    session, tariff_id = yard.session(), priced()
    yard.answer(yard.order(Order.SET_PROFILE, document={**LIMIT, "kind": "dynamic"}))
    number = db.query(StationProfile).one().id
    for action, order, arguments in (
        ("UpdateDynamicSchedule", Order.UPDATE_DYNAMIC_SCHEDULE, {"limit": 8}),
        ("UsePriorityCharging", Order.USE_PRIORITY_CHARGING, {"active": "yes"}),
        ("NotifyAllowedEnergyTransfer", Order.ALLOW_ENERGY_TRANSFER, {"transfers": "dc"}),
        ("AFRRSignal", Order.SEND_AFRR_SIGNAL, {"signal": 3}),
        ("SetDERControl", Order.SET_DER_CONTROL, {"kind": "fixed_var", "document": FIXED}),
        ("GetDERControl", Order.READ_DER_CONTROL, {}),
        ("ClearDERControl", Order.CLEAR_DER_CONTROL, {}),
        ("SetDefaultTariff", Order.SET_DEFAULT_TARIFF, {"tariff_id": tariff_id}),
        ("GetTariffs", Order.READ_TARIFFS, {}),
        ("ClearTariffs", Order.CLEAR_TARIFFS, {}),
        ("ChangeTransactionTariff", Order.CHANGE_TRANSACTION_TARIFF, {"tariff_id": tariff_id}),
        ("NotifyWebPaymentStarted", Order.ANNOUNCE_WEB_PAYMENT, {"connector": 1, "timeout_s": 60}),
        ("RequestBatterySwap", Order.REQUEST_BATTERY_SWAP, {"token": "04A2"}),
    ):
        about = orders.SPECS[order].arguments
        if "session_id" in about:
            arguments = {**arguments, "session_id": session.id}
        if "station_profile_id" in about:
            arguments = {**arguments, "station_profile_id": number}
        assert yard.frame(yard.order(order, **arguments))[0] == action
