"""In front of a charger: what its label opens for staff, for drivers, for nobody."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from app.domain.ground.vocabulary import Order
from app.domain.network.presence import connected
from app.models import AuditEntry, Command, Station, WorkerNode
from tests.support import seed


@pytest.fixture
def now():
    """These pages compare with the clock: who is connected depends on it."""
    return seed.lately()


@pytest.fixture
def made(app, db, now):
    made = seed.fill(db, now, history=0)
    for node in db.scalars(select(WorkerNode)):
        node.beat_at = now + timedelta(minutes=5)
    for station in made.stations.values():
        station.supported_orders = [order.value for order in Order]
    made.people_of = {role: seed.signed_in(app, user) for role, user in made.people.items()}
    db.commit()
    return made


@pytest.fixture
def station(made, db, now):
    """A station that is online."""
    return db.scalars(select(Station).where(connected(now)).order_by(Station.id)).first()


def rows(db, model):
    db.rollback()
    return db.scalars(select(model).order_by(model.id.desc())).all()


def test_every_station_has_a_code_of_its_own(made, db):
    codes = [station.field_code for station in db.scalars(select(Station))]
    assert len(set(codes)) == len(codes) > 1
    assert all(len(code) == 12 for code in codes)


def test_a_driver_learns_state_and_price_but_no_identity(app, station):
    answer = app.test_client().get(f"/q/{station.field_code}", headers={"Accept-Language": "de"})
    assert answer.status_code == 200
    assert "Ladepunkte" in answer.text and "Preis" in answer.text
    assert station.site.name in answer.text
    assert station.identity not in answer.text
    assert answer.headers["X-Robots-Tag"] == "noindex"
    assert "max-age" in answer.headers["Cache-Control"]


def test_no_code_opens_nothing(app, made, db, station, now):
    assert app.test_client().get("/q/222222222222").status_code == 404
    code = station.field_code
    station.archived_at = now
    db.commit()
    assert app.test_client().get(f"/q/{code}").status_code == 404


def test_staff_see_state_and_actions(made, station):
    page = made.people_of["operator"].get(f"/q/{station.field_code}").text
    for words in (station.identity, "Unlock", "Soft reset", "Out of service", "Note a fault"):
        assert words in page, words
    page = made.people_of["viewer"].get(f"/q/{station.field_code}").text
    assert station.identity in page
    assert "Soft reset" not in page


def test_an_order_is_given_without_scripts(made, db, station):
    operator, address = made.people_of["operator"], f"/q/{station.field_code}"
    answer = operator.post(f"{address}/order", data={"order": "trigger", "message": "boot"})
    assert answer.status_code == 400
    before = len(rows(db, Command))
    answer = operator.post(f"{address}/order", data={"order": "reset", "kind": "hard"})
    assert answer.status_code == 303
    given = rows(db, Command)
    if answer.headers["Location"].endswith(address):
        assert (len(given), given[0].order) == (before + 1, Order.RESET)
    else:  # it would end sessions: the next page names them first
        assert "/sure?" in answer.headers["Location"]
    assert made.people_of["viewer"].post(f"{address}/order").status_code == 403


def test_a_noted_fault_stands_there_and_in_the_audit(made, db, station):
    operator, address = made.people_of["operator"], f"/q/{station.field_code}"
    text = "<b>Display</b> is cracked"
    assert operator.post(f"{address}/fault", data={"text": text}).status_code == 303
    assert rows(db, AuditEntry)[0].note == text
    page = operator.get(address).text
    assert "&lt;b&gt;Display&lt;/b&gt; is cracked" in page
    operator.post(f"{address}/fault", data={"text": " "})
    assert rows(db, AuditEntry)[0].note == text


def test_labels_are_made_for_a_filter_or_for_one(made, station):
    viewer = made.people_of["viewer"]
    page = viewer.get("/stations/labels").text
    assert page.count("<svg") >= len(made.stations)
    page = viewer.get(f"/stations/labels?station={station.id}").text
    assert f"/q/{station.field_code}" in page
    assert page.count("/q/") == 1
