"""Sites: what a place needs before stations may stand there."""

from decimal import Decimal

import pytest

from app.domain.ground.errors import Conflict, Invalid, NotFound, Taken
from app.domain.ground.vocabulary import SYSTEM
from app.domain.network import sites, stations
from app.models import AuditEntry, Tariff, Tenant


def test_a_site_is_added_with_its_zone_and_currency(db, depot):
    assert (depot.name, depot.name_key, depot.currency) == ("Depot", "depot", "EUR")
    assert depot.timezone == "Europe/Berlin"
    assert db.query(AuditEntry).one().action == "site.add"


@pytest.mark.parametrize("name", ["Depot", " depot ", "DEPOT"])
def test_a_name_is_taken_whatever_its_case(db, tenant, depot, now, name):
    with pytest.raises(Taken) as refused:
        sites.add(db, SYSTEM, tenant.id, name=name, timezone="UTC", currency="EUR", now=now)
    assert refused.value.field == "name"


def test_another_tenant_may_use_the_name(db, depot, now):
    other = Tenant(name="Another", created_at=now)
    db.add(other)
    db.flush()
    twin = sites.add(db, SYSTEM, other.id, name="Depot", timezone="UTC", currency="EUR", now=now)
    assert twin.id != depot.id


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", ""),
        ("name", "x" * 121),
        ("name", "De\npot\x00"),
        ("timezone", "Berlin"),
        ("timezone", "../../etc/passwd"),
        ("currency", "EURO"),
        ("currency", "XXX"),
        ("latitude", 91.0),
        ("supply_limit_kw", Decimal("-1")),
        ("supply_limit_kw", Decimal("NaN")),
    ],
)
def test_what_cannot_be_used_is_named(db, tenant, now, field, value):
    given = {"name": "Depot", "timezone": "Europe/Berlin", "currency": "EUR", field: value}
    if field == "latitude":
        given["longitude"] = 10.0
    with pytest.raises(Invalid) as refused:
        sites.add(db, SYSTEM, tenant.id, now=now, **given)
    assert refused.value.field == field


def test_half_a_place_is_no_place(db, depot, now):
    with pytest.raises(Invalid):
        sites.edit(db, SYSTEM, depot, latitude=53.5, now=now)


def test_an_edit_changes_what_is_given_and_keeps_the_rest(db, depot, now):
    sites.edit(db, SYSTEM, depot, address="Hafenstraße 12", now=now)
    assert (depot.address, depot.name, depot.currency) == ("Hafenstraße 12", "Depot", "EUR")
    entry = db.query(AuditEntry).filter_by(action="site.edit").one()
    assert (entry.before, entry.after) == ({"address": None}, {"address": "Hafenstraße 12"})


def test_a_tariff_must_speak_the_currency_of_the_site(db, tenant, depot, now):
    tariff = Tariff(
        tenant_id=tenant.id, name="Swiss", name_key="swiss", currency="CHF", created_at=now
    )
    db.add(tariff)
    db.flush()
    with pytest.raises(Invalid, match="CHF"):
        sites.edit(db, SYSTEM, depot, tariff_id=tariff.id, now=now)


def test_the_currency_stays_while_a_station_s_price_is_in_it(db, tenant, depot, now):
    tariff = Tariff(tenant_id=tenant.id, name="E", name_key="e", currency="EUR", created_at=now)
    db.add(tariff)
    db.flush()
    stations.register(db, SYSTEM, tenant.id, depot, "CP-7", tariff_id=tariff.id, now=now)
    with pytest.raises(Conflict, match="CP-7"):
        sites.edit(db, SYSTEM, depot, currency="CHF", now=now)


def test_a_site_with_stations_is_not_put_away(db, tenant, depot, now):
    station, _ = stations.register(db, SYSTEM, tenant.id, depot, "CP-7", now=now)
    with pytest.raises(Conflict, match="1 station"):
        sites.archive(db, SYSTEM, depot, now=now)
    stations.archive(db, SYSTEM, station, now=now)
    sites.archive(db, SYSTEM, depot, now=now)
    assert depot.archived_at == now
    sites.restore(db, SYSTEM, depot, now=now)
    assert depot.archived_at is None


def test_a_site_is_found_by_name_or_number(db, tenant, depot):
    assert sites.named(db, tenant.id, "dEPOT") is depot
    assert sites.named(db, tenant.id, str(depot.id)) is depot
    with pytest.raises(NotFound):
        sites.named(db, tenant.id, "Nowhere")
