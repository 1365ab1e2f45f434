"""Charging profiles: the library, the form in which a station gets one, and where each stands."""

from datetime import timedelta

import pytest

from app.domain.charging import remote_starts
from app.domain.commands.orders import SPECS
from app.domain.commands.orders.spec import Chain, End, Situation
from app.domain.ground.errors import Conflict, Invalid, NotFound, Taken
from app.domain.ground.vocabulary import CommandState, Order, Outcome, ProfileState
from app.domain.limits import profile_documents, profile_forms, profile_reports, profiles
from app.domain.office import audit
from app.models import AuditEntry, StationProfile
from tests.support.energy import ADA, yard
from worker.dialects import DIALECTS
from worker.ocpp import schemas

__all__ = ["yard"]

LIMIT = {"purpose": "default", "kind": "absolute", "unit": "A", "periods": [{"limit": "16"}]}
REFUSED = Outcome(CommandState.REJECTED, {"status": "Rejected"}, "The charger answered Rejected.")


@pytest.fixture
def kerb(db, yard, now):
    return profiles.add(db, ADA, yard.station.tenant_id, now=now, name="Kerb", document=LIMIT)


def test_a_document_is_read_into_its_one_form():
    assert profile_documents.read({**LIMIT, "unit": "a", "stack_level": "2"}) == {
        "purpose": "default",
        "kind": "absolute",
        "stack_level": 2,
        "unit": "A",
        "periods": [{"start_s": 0, "limit": "16.0"}],
    }


def test_profile_one_decimal():
    read = profile_documents.read({**LIMIT, "periods": [{"limit": "16.09"}], "min_rate": "6,55"})
    assert read["periods"][0]["limit"] == "16.0"
    assert read["min_rate"] == "6.5"


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"unit": "kW"}, "The unit of a profile must be one of A, W."),
        ({"purpose": "station_max", "kind": "relative"}, "cannot count from a session"),
        ({"periods": []}, "at least one period"),
        ({"periods": [{"start_s": 60, "limit": 1}]}, "The first period must start at 0"),
        ({"periods": [{"limit": 1}, {"start_s": 0, "limit": 2}]}, "after the one before it"),
        ({"periods": [{"limit": "much"}]}, "The limit must be a number."),
        ({"periods": [{"limit": -1}]}, "must be between"),
        ({"periods": [{"limit": 1, "phases": 4}]}, "The phases must be between 1 and 3."),
        ({"periods": [{"limit": 1, "phase_to_use": 2}]}, "where one phase is used"),
        ({"kind": "daily", "periods": [{"limit": 1}, {"start_s": 86400, "limit": 2}]}, "has ended"),
        ({"valid_from": "2026-03-02", "valid_to": "2026-03-01"}, "ends before it begins"),
        ({"valid_from": "soon"}, "must be a time like"),
        ({"colour": "blue"}, "has no colour"),
        ({"update_every_s": 60}, "Only a dynamic profile"),
    ],
)
def test_a_wrong_document_is_refused_with_the_first_thing_wrong(wrong, sentence):
    with pytest.raises(Invalid, match=sentence):
        profile_documents.read({**LIMIT, **wrong})


def test_a_document_is_said_in_a_few_words():
    document = profile_documents.read(
        {**LIMIT, "periods": [{"limit": 6}, {"start_s": 9, "limit": 8}]}
    )
    assert (
        profile_documents.said(document)
        == "Default for every session, from a moment on, 6.0 to 8.0 A"
    )


def test_what_is_not_told_is_said_to_be_so():
    told = {"purpose": "external", "kind": "absolute", "unit": "A", "periods": []}
    assert profile_documents.said(told).endswith("a limit that was not reported")
    setpoint = {**told, "periods": [{"start_s": 0, "more": {"setpoint": "-5.0"}}]}
    assert profile_documents.said(setpoint).endswith("setpoints")


def test_names_in_the_library_are_unique(db, yard, kerb, now):
    with pytest.raises(Taken):
        profiles.add(db, ADA, yard.station.tenant_id, now=now, name=" kerb", document=LIMIT)
    profiles.edit(db, ADA, kerb, now=now, document={**LIMIT, "unit": "W"})
    assert kerb.document["unit"] == "W"
    assert profiles.archive(db, ADA, kerb, now=now)
    assert not profiles.archive(db, ADA, kerb, now=now)
    assert audit.name_of(kerb) == "Kerb"
    done = {
        entry.action for entry in db.query(AuditEntry).filter_by(subject_kind="ChargingProfile")
    }
    assert done == {"charging_profile.add", "charging_profile.edit", "charging_profile.archive"}


def test_setting_a_profile_makes_a_row_whose_id_is_its_number(db, yard, kerb):
    command = yard.order(Order.SET_PROFILE, profile_id=kerb.id, connector=1)
    row = db.query(StationProfile).one()
    assert command.subject == f"station_profile:{row.id}"
    assert command.arguments["number"] == row.id
    assert row.state is ProfileState.ASKED
    yard.answer(command, profile=command.arguments["profile"])
    assert row.state is ProfileState.ACCEPTED
    assert row.command_id == command.id


def test_a_refused_profile_says_why(db, yard, kerb):
    yard.answer(yard.order(Order.SET_PROFILE, profile_id=kerb.id), "Rejected")
    row = db.query(StationProfile).one()
    assert (row.state, row.sentence) == (ProfileState.REJECTED, "The charger answered Rejected.")


def test_what_begins_now_begins_a_minute_earlier(yard, kerb, now):
    command = yard.order(Order.SET_PROFILE, document={**LIMIT, "valid_from": now.isoformat()})
    sent = command.arguments["profile"]
    assert sent["starts_at"] == (now - timedelta(seconds=60)).isoformat()
    assert sent["valid_from"] == (now - timedelta(seconds=60)).isoformat()


def test_what_repeats_begins_at_the_midnight_of_the_site(yard):
    daily = yard.order(Order.SET_PROFILE, document={**LIMIT, "kind": "daily"})
    assert daily.arguments["profile"]["starts_at"] == "2026-03-01T23:00:00+00:00"
    weekly = yard.order(Order.SET_PROFILE, document={**LIMIT, "kind": "weekly"})
    assert weekly.arguments["profile"]["starts_at"] == "2026-03-01T23:00:00+00:00"


def test_a_profile_for_one_session_needs_it_running(yard):
    document = {**LIMIT, "purpose": "session"}
    with pytest.raises(Invalid, match="needs a running session"):
        yard.order(Order.SET_PROFILE, document=document)
    with pytest.raises(NotFound, match="has no session 9"):
        yard.order(Order.SET_PROFILE, document=document, session_id=9)
    session = yard.session(evse=2)
    command = yard.order(Order.SET_PROFILE, document=document, session_id=session.id)
    assert command.session_id == session.id
    assert command.arguments["transaction_ref"] == "41"
    assert command.arguments["connector"] == 2


def test_a_limit_of_the_station_has_no_connector(yard):
    with pytest.raises(Invalid, match="leave the connector out"):
        yard.order(Order.SET_PROFILE, document={**LIMIT, "purpose": "station_max"}, connector=1)


def test_a_limit_from_outside_is_not_ours_to_set(yard):
    with pytest.raises(Conflict, match="set there, not by us"):
        yard.order(Order.SET_PROFILE, document={**LIMIT, "purpose": "external"})


def test_a_station_gets_what_it_said_it_takes(db, yard):
    yard.setting("ChargingScheduleAllowedChargingRateUnit", "Power")
    yard.setting("ChargeProfileMaxStackLevel", "3")
    yard.setting("PeriodsPerSchedule", "2", "SmartChargingCtrlr")
    sent = yard.order(Order.SET_PROFILE, document={**LIMIT, "stack_level": 9}).arguments["profile"]
    assert sent["unit"] == "W"
    assert sent["periods"][0]["limit"] == "11040.0"
    assert sent["stack_level"] == 3
    row = db.query(StationProfile).one()
    assert "takes no other unit" in row.sentence
    assert "stack level 3" in row.sentence
    many = [{"start_s": at, "limit": 6 + at} for at in range(3)]
    with pytest.raises(Conflict, match="takes 2 periods at most"):
        yard.order(Order.SET_PROFILE, document={**LIMIT, "periods": many})


def test_quirks_bend_a_profile(yard):
    yard.station.quirks = {
        "stack_level": 0,
        "rate_unit": "A",
        "profile_kind": "relative",
        "min_step_a": 2,
    }
    document = {**LIMIT, "stack_level": 4, "unit": "W", "periods": [{"limit": 11500, "phases": 3}]}
    sent = yard.order(Order.SET_PROFILE, document=document).arguments["profile"]
    assert (sent["stack_level"], sent["unit"], sent["kind"]) == (0, "A", "relative")
    assert sent["periods"] == [{"start_s": 0, "limit": "16.0", "phases": 3}]
    assert "starts_at" not in sent


def test_only_some_stations_know_dynamic_profiles(yard):
    yard.station.supported_orders = [Order.SET_PROFILE.value]
    with pytest.raises(Conflict, match="no updates and no setpoints"):
        yard.order(Order.SET_PROFILE, document={**LIMIT, "kind": "dynamic"})
    with pytest.raises(Conflict, match="knows no profiles for priority charging"):
        yard.order(Order.SET_PROFILE, document={**LIMIT, "purpose": "priority"})


def test_a_newer_profile_of_the_same_place_and_level_takes_the_place_of_the_last(db, yard):
    first = yard.order(Order.SET_PROFILE, document=LIMIT, connector=1)
    other = yard.order(Order.SET_PROFILE, document={**LIMIT, "stack_level": 1}, connector=1)
    second = yard.order(Order.SET_PROFILE, document=LIMIT, connector=1)
    for command in (first, other, second):
        yard.answer(command)
    states = [row.state.value for row in db.query(StationProfile).order_by(StationProfile.id)]
    assert states == ["cleared", "accepted", "accepted"]
    # In place: under a number of its own it would be a second one (2.0.1 K01.FR.05, K01.FR.06).
    numbers = [command.arguments["number"] for command in (first, other, second)]
    assert numbers[2] == numbers[0] != numbers[1]


def test_what_came_in_place_is_known_by_the_number_it_goes_by(db, yard, now):
    for _ in range(3):
        yard.answer(yard.order(Order.SET_PROFILE, document=LIMIT, connector=1))
    first, *_, third = db.query(StationProfile).order_by(StationProfile.id)
    told = [profile_reports.Reported(first.id, dict(third.sent))]
    profile_reports.report(
        db, yard.station, number=1, source="csms", evse=1, found=told, more=False, now=now
    )
    assert db.query(StationProfile).count() == 3
    assert (third.state, third.reported) == (ProfileState.ACCEPTED, third.sent)
    gone = yard.order(Order.CLEAR_PROFILE, station_profile_id=third.id)
    assert gone.arguments["number"] == first.id


def test_a_place_that_was_cleared_or_refused_gives_no_number_on(yard):
    cleared = yard.order(Order.SET_PROFILE, document=LIMIT, connector=1)
    yard.answer(cleared)
    yard.answer(yard.order(Order.CLEAR_PROFILE, purpose="default"))
    refused = yard.order(Order.SET_PROFILE, document=LIMIT, connector=1)
    yard.answer(refused, "Rejected")
    last = yard.order(Order.SET_PROFILE, document=LIMIT, connector=1)
    assert len({each.arguments["number"] for each in (cleared, refused, last)}) == 3


def test_what_is_cleared_or_unknown_is_gone(db, yard):
    for level in (0, 1, 2):
        yard.answer(yard.order(Order.SET_PROFILE, document={**LIMIT, "stack_level": level}))
    rows = db.query(StationProfile).order_by(StationProfile.id).all()
    one = yard.order(Order.CLEAR_PROFILE, station_profile_id=rows[0].id)
    assert one.arguments["number"] == rows[0].id
    yard.answer(one)
    yard.answer(yard.order(Order.CLEAR_PROFILE, purpose="default", stack_level=1), "Unknown")
    assert [row.state.value for row in rows] == ["cleared", "cleared", "accepted"]
    with pytest.raises(NotFound):
        yard.order(Order.CLEAR_PROFILE, station_profile_id=999)


def test_profile_fallback_chain(yard):
    """A station that knows watts, stack level 0 and relative profiles gets there in the end."""
    document = {**LIMIT, "stack_level": 2}
    command = yard.order(Order.SET_PROFILE, document=document, connector=1)
    chain = Chain(SPECS[Order.SET_PROFILE].fallbacks, command.arguments, Situation())
    tried = []
    while True:
        sent = chain.current["profile"]
        tried.append((sent["unit"], sent["stack_level"], sent["kind"]))
        fits = tried[-1] == ("W", 0, "relative")
        if not chain.next(None if fits else End.REFUSED, REFUSED):
            break
    assert tried[0] == ("A", 2, "absolute")
    assert ("W", 2, "absolute") in tried
    assert ("A", 0, "absolute") in tried
    assert tried[-1] == ("W", 0, "relative")
    assert len(tried) == len(set(tried))


def test_amperes_and_watts_convert_by_the_phases():
    assert profile_forms.converted("16.0", 3, "W") == "11040.0"
    assert profile_forms.converted("16.0", 1, "W") == "3680.0"
    assert profile_forms.converted("11000.0", 3, "A") == "15.9"
    arguments = {"profile": profile_documents.read({**LIMIT, "min_rate": 6})}
    once = profile_forms.other_unit(arguments)
    assert once["profile"]["min_rate"] == "4140.0"
    assert profile_forms.other_unit(once)["profile"] == arguments["profile"]


def test_a_composite_schedule_is_asked_in_any_unit_at_last(yard):
    command = yard.order(Order.READ_COMPOSITE_SCHEDULE, connector=1, unit="w")
    assert command.arguments == {"connector": 1, "unit": "W", "duration_s": 86_400}
    assert profile_forms.without_unit(command.arguments) == {"connector": 1, "duration_s": 86_400}


def test_a_remote_start_takes_a_profile_along(db, yard, kerb, now):
    """The station binds it to the transaction that it begins, so none is named."""
    command = yard.order(
        Order.START_CHARGING, token="04A2", token_kind="central", connector=1, profile_id=kerb.id
    )
    row = db.query(StationProfile).one()
    assert command.arguments["number"] == row.id
    assert command.arguments["profile"]["purpose"] == "session"
    for version, dialect in DIALECTS.items():
        payload = dialect.orders[Order.START_CHARGING].encode(dict(command.arguments))
        action = dialect.orders[Order.START_CHARGING].action_for(command.arguments)
        assert schemas.violation(version, action, "call", payload) is None
        told = payload["chargingProfile"]
        assert told["chargingProfilePurpose"] == "TxProfile"
        assert "transactionId" not in told
    yard.answer(command)
    assert row.state is ProfileState.ACCEPTED
    session = yard.session(start_key="other")
    remote_starts.attach(db, yard.station, session, now=now)
    assert row.session_id == session.id


def test_a_default_may_be_given_to_one_session_alone(db, yard, kerb):
    session = yard.session()
    command = yard.order(Order.SET_PROFILE, profile_id=kerb.id, session_id=session.id)
    assert command.arguments["profile"]["purpose"] == "session"
    whole = {**LIMIT, "purpose": "station_max"}
    yard.order(Order.SET_PROFILE, document=whole, session_id=session.id)
    rows = db.query(StationProfile).order_by(StationProfile.id)
    assert [row.session_id for row in rows] == [session.id, None]
