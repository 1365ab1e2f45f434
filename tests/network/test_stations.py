"""Stations: identities, passwords, how they may connect, and their plugs."""

import json

import pytest

from app.domain.ground.errors import Conflict, Invalid, NotFound, Taken
from app.domain.ground.vocabulary import SYSTEM, Registration, StationMode
from app.domain.network import credentials, sites, stations
from app.domain.office import audit
from app.models import AuditEntry, ChargingSession, Tenant


@pytest.fixture
def register(db, tenant, depot, now):
    def make(identity="CP-7", **details):
        return stations.register(db, SYSTEM, tenant.id, depot, identity, now=now, **details)

    return make


def test_a_new_station_gets_a_password_that_only_its_hash_remembers(db, register):
    station, clear = register()
    assert len(clear) == 40
    assert credentials.matches(station.password_hash, clear.encode())
    assert clear not in json.dumps([entry.after for entry in db.query(AuditEntry)])
    assert "password_hash" not in audit.snapshot(station)


def test_a_chosen_password_is_not_told_again(register):
    station, clear = register(password="a chosen secret")
    assert clear is None
    assert credentials.matches(station.password_hash, b"a chosen secret")


@pytest.mark.parametrize("password", ["short", "x" * 65, "eight ch\n"])
def test_a_bad_password_is_refused(register, password):
    with pytest.raises(Invalid) as refused:
        register(password=password)
    assert refused.value.field == "password"


@pytest.mark.parametrize("identity", ["", "  ", "CP:7", "CP\t7", "CP\ue0007", "x" * 49])
def test_an_identity_that_no_charger_could_use_is_refused(register, identity):
    with pytest.raises(Invalid) as refused:
        register(identity)
    assert refused.value.field == "identity"


@pytest.mark.parametrize("identity", ["CP 7", "Säule-1", "a.b_c*d@e", "x" * 48])
def test_identities_as_chargers_have_them_are_taken(register, identity):
    assert register(identity)[0].identity == identity


def test_an_identity_is_unique_in_the_installation_whatever_its_case(db, register, now):
    register("CP-7")
    with pytest.raises(Taken):
        register("cp-7")
    other = Tenant(name="Another", created_at=now)
    db.add(other)
    db.flush()
    place = sites.add(db, SYSTEM, other.id, name="D", timezone="UTC", currency="EUR", now=now)
    with pytest.raises(Taken):
        stations.register(db, SYSTEM, other.id, place, "Cp-7", now=now)


def test_a_user_name_is_never_another_station_s_identity(db, register, now):
    station, _ = register("CP-7", username_alias="installer")
    register("CP-8")
    with pytest.raises(Taken) as refused:
        stations.edit(db, SYSTEM, station, username_alias="cp-8", now=now)
    assert refused.value.field == "username_alias"
    stations.edit(db, SYSTEM, station, username_alias="", now=now)
    assert station.username_alias is None


def test_an_archived_twin_is_named_as_such(db, register, now):
    station, _ = register()
    stations.archive(db, SYSTEM, station, now=now)
    with pytest.raises(Taken, match="archive"):
        register()
    stations.restore(db, SYSTEM, station, now=now)
    assert station.archived_at is None


def test_without_a_password_the_networks_must_be_named(register):
    with pytest.raises(Invalid) as refused:
        register(security_profile=0)
    assert refused.value.field == "allowed_networks"
    station, clear = register(security_profile=0, quirks={"allowed_networks": "192.168.7.0/24"})
    assert (clear, station.password_hash) == (None, None)
    assert station.quirks == {"allowed_networks": ["192.168.7.0/24"]}


def test_a_station_without_a_password_cannot_be_made_to_need_one(db, register, now):
    station, _ = register(security_profile=0, quirks={"allowed_networks": "10.0.0.0/8"})
    with pytest.raises(Invalid, match="password"):
        stations.edit(db, SYSTEM, station, security_profile=1, now=now)
    stations.new_password(db, SYSTEM, station, now=now)
    stations.edit(db, SYSTEM, station, security_profile=1, now=now)
    assert station.security_profile == 1


@pytest.mark.parametrize(
    "quirks",
    [
        {"unheard_of": 1},
        {"call_timeout_s": "soon"},
        {"call_timeout_s": 100_000},
        {"energy_unit_override": "MWh"},
        {"allowed_networks": "0.0.0.0/0"},
        {"allowed_networks": "here"},
        {"no_trigger_boot": "perhaps"},
    ],
)
def test_a_quirk_that_means_nothing_is_refused(register, quirks):
    with pytest.raises(Invalid):
        register(quirks=quirks)


def test_quirks_are_kept_typed_and_empty_ones_drop_out(register):
    given = {"call_timeout_s": "60", "no_trigger_boot": "yes", "heartbeat_s": ""}
    station, _ = register(quirks=given)
    assert station.quirks == {"call_timeout_s": 60, "no_trigger_boot": True}


def test_plugs_are_described_before_the_station_says_a_word(db, register, now):
    station, _ = register(connectors=2, plug_type="Type 2", max_power_w=22_000)
    assert [(p.evse, p.plug_type, p.max_power_w) for p in station.connectors] == [
        (1, "Type 2", 22_000),
        (2, "Type 2", 22_000),
    ]
    station.connectors[1].status_at = now
    stations.edit(db, SYSTEM, station, connectors=0, now=now)
    assert [plug.evse for plug in station.connectors] == [2], "a reported plug stays"


def test_a_new_password_replaces_the_old_one(db, register, now):
    station, old = register()
    new = stations.new_password(db, SYSTEM, station, now=now)
    assert credentials.matches(station.password_hash, new.encode())
    assert not credentials.matches(station.password_hash, old.encode())
    entry = db.query(AuditEntry).filter_by(action="station.password").one()
    assert (entry.before, entry.after) == ({}, {})


def test_mode_and_registration_are_changed_and_noted(db, register, now):
    station, _ = register(mode=StationMode.OPEN, registration=Registration.PENDING)
    stations.set_registration(db, SYSTEM, station, Registration.ACCEPTED, now=now)
    entry = db.query(AuditEntry).filter_by(action="station.registration").one()
    assert entry.before == {"registration": "pending"}
    assert entry.after == {"registration": "accepted"}


def test_a_station_that_charges_is_not_put_away(db, register, now):
    station, _ = register()
    db.add(
        ChargingSession(
            tenant_id=station.tenant_id,
            site_id=station.site_id,
            station_id=station.id,
            evse=1,
            start_key="k",
            token="T",
            timezone="UTC",
            currency="EUR",
            started_at=now,
            start_received_at=now,
        )
    )
    db.flush()
    with pytest.raises(Conflict, match="still charging"):
        stations.archive(db, SYSTEM, station, now=now)


def test_a_station_is_found_by_identity_or_number(db, tenant, register):
    station, _ = register("77")
    assert stations.called(db, tenant.id, "77") is station
    with pytest.raises(NotFound):
        stations.called(db, tenant.id, "78")
