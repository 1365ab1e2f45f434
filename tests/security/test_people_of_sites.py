"""Staff of some sites see the drivers, tags and groups they serve, and change only their own."""

import pytest

from app.domain.access import drivers, known_tags, reach, tag_groups, tags
from app.domain.access.imports import drivers as driver_import
from app.domain.access.imports import headings, sheet
from app.domain.access.imports import tags as tag_import
from app.domain.ground.errors import Forbidden, Taken
from app.domain.ground.vocabulary import SYSTEM, Token
from app.domain.office import staff
from app.extensions import db as flask_db
from app.models import ChargingSession, Driver, Tag, TagGroup
from app.web import scope
from app.web.scope import Scope
from tests.support import seed


@pytest.fixture
def app(any_app):
    return any_app


@pytest.fixture
def db(app):
    return flask_db.session()


@pytest.fixture
def people(db, now):
    """Drivers with a tag and a group each, by whose matter they are."""
    made = seed.fill(db, now, history=0)
    here, there = made.sites["City Garage"], made.sites["Depot Nord"]
    found = {}
    for name, places in (
        ("mine", {here.id}),
        ("theirs", {there.id}),
        ("both", {here.id, there.id}),
        ("everybody's", set()),
        ("guest", set()),
    ):
        given = {"tenant_id": here.tenant_id, "now": now}
        driver = drivers.add(db, SYSTEM, name=name, site_ids=frozenset(places), **given)
        group = tag_groups.add(db, SYSTEM, name=name, site_ids=frozenset(places), **given)
        tag = tags.add(
            db,
            SYSTEM,
            value=f"CARD {name}",
            driver_id=driver.id,
            group_id=group.id,
            site_ids=frozenset(places),
            **given,
        )
        found[name] = (driver, tag, group)
    station = next(one for one in made.stations.values() if one.site_id == here.id)
    guest, card, _ = found["guest"]
    db.add(
        ChargingSession(
            tenant_id=here.tenant_id, site_id=here.id, station_id=station.id, evse=1,
            start_key="guest", token=card.value, tag_id=card.id, driver_id=guest.id,
            timezone="UTC", currency="EUR", started_at=now, start_received_at=now,
        )
    )  # fmt: skip
    near = staff.create(
        db, SYSTEM, tenant_id=here.tenant_id, email="near@example.org", name="Near",
        role="operator", site_ids=[here.id], now=now,
    )  # fmt: skip
    db.commit()
    return found, near, station, {"here": here.id, "there": there.id}


@pytest.fixture
def near(db, people):
    """The database as staff of City Garage have it."""
    _, _, station, places = people
    scope.narrow(db, Scope(station.tenant_id, frozenset({places["here"]})))
    db.expire_all()
    yield db
    scope.narrow(db, None)


NAMES = {"mine", "theirs", "both", "everybody's", "guest"}


def test_they_see_what_is_theirs_and_what_charged_there(near):
    for model in (Driver, TagGroup):
        seen = {row.name for row in near.query(model) if row.name in NAMES}
        assert seen == {"mine", "both", "guest"}, model
    assert {tag.value for tag in near.query(Tag)} >= {"CARD mine", "CARD both", "CARD guest"}
    assert not near.query(Tag).filter(Tag.value.in_(["CARD theirs", "CARD everybody's"])).all()


def test_what_is_joined_or_loaded_along_is_narrowed_too(near, people):
    ids = {name: [row.id for row in rows] for name, rows in people[0].items()}
    near.expunge_all()
    assert near.get(Driver, ids["theirs"][0]) is None
    assert near.get(Tag, ids["everybody's"][1]) is None
    assert near.get(TagGroup, ids["theirs"][2]) is None
    both = near.get(Driver, ids["both"][0])
    assert [tag.value for tag in both.tags] == ["CARD both"]


@pytest.mark.parametrize("name", ["both", "guest"])
def test_they_change_nothing_that_concerns_others(near, people, now, name):
    driver, tag, group = people[0][name]
    attempts = [
        lambda: drivers.edit(near, SYSTEM, driver, now=now, name="New"),
        lambda: drivers.archive(near, SYSTEM, driver, now=now),
        lambda: tags.edit(near, SYSTEM, tag, now=now, label="New"),
        lambda: tags.block(near, SYSTEM, tag, now=now),
        lambda: tags.archive(near, SYSTEM, tag, now=now),
        lambda: tag_groups.edit(near, SYSTEM, group, now=now, name="New"),
    ]
    for act in attempts:
        with pytest.raises(Forbidden):
            act()
        near.rollback()


def test_they_change_what_is_theirs(near, people, now):
    driver, tag, group = people[0]["mine"]
    drivers.edit(near, SYSTEM, driver, now=now, note="New")
    tags.edit(near, SYSTEM, tag, now=now, label="New")
    tag_groups.edit(near, SYSTEM, group, now=now, name="New", site_ids=frozenset())
    assert tags.block(near, SYSTEM, tag, now=now)
    drivers.archive(near, SYSTEM, driver, now=now)
    assert tag.archived_at and driver.archived_at


def test_what_they_add_and_what_they_leave_open_belongs_to_their_sites(near, people, now):
    _, _, station, places = people
    given = {"tenant_id": station.tenant_id, "now": now}
    driver = drivers.add(near, SYSTEM, name="Neu", **given)
    group = tag_groups.add(near, SYSTEM, name="Neu", **given)
    tag = tags.add(near, SYSTEM, value="NEW", driver_id=driver.id, group_id=group.id, **given)
    for row in (driver, group, tag):
        assert [site.id for site in row.sites] == [places["here"]]
        assert reach.may_change(near, row)
    tags.edit(near, SYSTEM, tag, now=now, site_ids=frozenset())
    assert [site.id for site in tag.sites] == [places["here"]]


@pytest.mark.parametrize("field", ["driver_id", "group_id"])
def test_no_tag_of_theirs_is_put_on_anothers_account_or_into_anothers_group(
    near, people, now, field
):
    tag = people[0]["mine"][1]
    guest = people[0]["guest"][0 if field == "driver_id" else 2]
    with pytest.raises(Forbidden):
        tags.edit(near, SYSTEM, tag, now=now, **{field: guest.id})


def test_names_that_somebody_out_of_sight_has_are_taken_all_the_same(near, people, now):
    given = {"tenant_id": people[2].tenant_id, "now": now}
    with pytest.raises(Taken):
        tags.add(near, SYSTEM, value="card theirs", **given)
    near.rollback()
    with pytest.raises(Taken):
        tag_groups.add(near, SYSTEM, name="Other", parent="THEIRS", **given)


def test_a_card_of_the_whole_organisation_is_good_at_their_stations_for_ever(near, people, now):
    from app.domain.access import authorisation

    station = near.merge(people[2])
    near.expire_all()
    card = authorisation.find_tag(near, station.tenant_id, Token("CARD everybody's"))
    assert card is not None
    values = {entry["token"] for entry in known_tags.wanted(near, station, now).entries}
    assert "CARD everybody's" in values and "CARD theirs" not in values


def test_an_import_of_theirs_names_the_rows_that_concern_others(near, people, now):
    text = (
        "tag,label,driver\ncard theirs,stolen\nCARD both,New\nCARD mine,New\n"
        "CARD mine 2,,guest\nCARD mine 3,,mine\n"
    )
    again = sheet.read("tag\ncard theirs\n", headings.TAGS)
    plan = tag_import.plan(near, again, tenant_id=people[2].tenant_id, now=now)
    assert plan.rows == []  # what is theirs is not shown, even where nothing would change
    rows = sheet.read(text, headings.TAGS)
    plan = tag_import.plan(near, rows, tenant_id=people[2].tenant_id, now=now)
    assert [error.number for error in plan.errors] == [2, 3, 5]
    assert [row.what for row in plan.rows] == ["update", "add"]
    tag_import.carry_out(near, SYSTEM, plan, [*plan.rows], tenant_id=people[2].tenant_id, now=now)
    people_rows = sheet.read("name,note\ntheirs,x\nmine,x\n", headings.DRIVERS)
    plan = driver_import.plan(near, people_rows, tenant_id=people[2].tenant_id)
    assert [error.number for error in plan.errors] == [2]


def test_whoever_follows_a_link_to_a_station_that_moved_is_told_so(app, db, people):
    _, near, station, places = people
    client, address = seed.signed_in(app, near), f"/stations/{station.id}"
    assert client.get(address).status_code == 200
    db.merge(station).site_id = places["there"]
    db.commit()
    db.expunge_all()
    gone = client.get(address)
    assert gone.status_code == 404
    assert "There is no such station. Or it is at a site that you cannot see" in gone.text


@pytest.mark.parametrize("address", ["/jobs/99", "/tariffs/99", "/r/wrong"])
def test_what_is_at_no_site_is_at_none_that_they_cannot_see(app, people, address):
    _, near, *_ = people
    assert "Or it is at a site" not in seed.signed_in(app, near).get(address).text
