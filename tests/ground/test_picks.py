"""Choosing by typing: what is offered, and who is meant."""

import pytest

from app.domain.ground.errors import Conflict, NotFound
from app.models import Station
from app.queries.ground import picks
from tests.support import seed
from tests.support.by_hand import Network


@pytest.fixture
def made(db, now):
    made = seed.fill(db, now, history=0)
    db.commit()
    return made


def options(app, made, who, address):
    return seed.signed_in(app, made.people[who]).get(address).text


def test_a_few_letters_find_those_that_begin_with_them_first(db, made, now):
    network = Network(db, now, "Ours too")
    for number in range(30):
        network.station(f"ROW-{number:02}")
    network.station("A-ROW")
    found = [pick.text for pick in picks.stations(db, "row-")]
    assert len(found) == picks.MOST and found[0] == "ROW-00"
    assert [pick.text for pick in picks.stations(db, "ROW")][-1] != "A-ROW"
    assert [pick.text for pick in picks.stations(db, "a-r")] == ["A-ROW"]


@pytest.mark.parametrize("typed", ["CP-06", "cp-06", "City Row C", "city"])
def test_a_station_is_meant_by_identity_name_or_a_part_that_only_it_has(db, made, typed):
    assert picks.station(db, typed).identity == "CP-06"


def test_several_that_may_be_meant_are_named(db, made):
    with pytest.raises(Conflict, match=r"CP-01, CP-02, CP-03 …"):
        picks.station(db, "Depot")
    with pytest.raises(NotFound, match="There is no station “CP-99”"):
        picks.station(db, "CP-99")


def test_what_is_put_away_is_found_in_lists_and_not_for_new_work(db, made, now):
    made.stations["CP-06"].archived_at = now
    db.flush()
    assert picks.station(db, "CP-06").identity == "CP-06"
    with pytest.raises(NotFound):
        picks.station(db, "CP-06", in_use=True)


def test_a_list_is_narrowed_by_what_is_typed_and_says_what_it_cannot_find(app, made):
    shown = options(app, made, "viewer", "/sessions?station_name=cp-01")
    assert "CP-01 ·" in shown and "CP-02 ·" not in shown.split("<main")[1]
    assert "There is no station “CP-99”." in options(
        app, made, "viewer", "/sessions?station_name=CP-99"
    )
    number = made.stations["CP-02"].id
    assert 'value="CP-02"' in options(app, made, "viewer", f"/sessions?station={number}")


def test_a_field_is_offered_what_fits(app, made):
    assert 'value="CP-03"' in options(app, made, "viewer", "/pick/stations?anything=cp-03")
    assert "Ada Lovelace &lt;ada@example.org&gt;" in options(
        app, made, "viewer", "/pick/drivers?driver=ada"
    )
    assert ">Ada Lovelace</option>" in options(app, made, "viewer", "/pick/tags?token=04:A2")


def test_nobody_is_offered_what_is_anothers(app, db, made, now):
    Network(db, now, "Theirs").station("SECRET-1")
    person = made.people["operator"]
    person.sites = [made.sites["City Garage"]]
    db.commit()
    assert options(app, made, "admin", "/pick/stations?q=SECRET") == ""
    assert 'value="CP-01"' not in options(app, made, "operator", "/pick/stations?q=CP-")
    assert 'value="CP-06"' in options(app, made, "operator", "/pick/stations?q=CP-")


def test_a_tag_is_limited_to_stations_that_are_named(app, db, made):
    client = seed.signed_in(app, made.people["admin"])
    app.config["WTF_CSRF_ENABLED"] = False
    given = {"value": "04AA", "more_stations": "CP-01, City Row C"}
    assert client.post("/tags/new", data=given).status_code == 303
    again = client.post("/tags/new", data={"value": "04BB", "more_stations": "Depot"})
    assert again.status_code == 422 and "fits several stations" in again.text
    tag = picks.tags(db, "04AA")[0].number
    held = db.query(Station).filter(Station.identity.in_(["CP-01", "CP-06"])).all()
    assert all(f'value="{row.id}"' in client.get(f"/tags/{tag}/edit").text for row in held)
