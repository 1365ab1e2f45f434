"""In front of a charger: what its label opens for staff, for drivers, for nobody."""

import io
from dataclasses import replace
from datetime import timedelta

import pytest
from PIL import Image
from sqlalchemy import select

from app.domain.ground.vocabulary import SYSTEM, Order
from app.domain.network import field
from app.domain.network.presence import connected
from app.domain.office import api_tokens
from app.models import AuditEntry, Command, NotedFault, Station
from app.tasks.tidying import tidy_up
from tests.support import seed


@pytest.fixture
def now():
    """These pages compare with the clock: who is connected depends on it."""
    return seed.lately()


@pytest.fixture
def made(app, db, now):
    made = seed.fill_online(db, now)
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


@pytest.mark.parametrize(
    ("language", "said"), [("en", "“Tag” is missing."), ("de", "„Ladekarte“ fehlt.")]
)
def test_a_test_charge_without_a_card_says_what_its_field_is_called(made, db, language, said):
    operator = made.people_of["operator"]
    made.people["operator"].language = language
    db.commit()
    address = f"/q/{made.sessions['running'].station.field_code}"
    asked = {"order": "start_charging", "connector": "1", "token": " "}
    assert said in operator.post(f"{address}/order", data=asked, follow_redirects=True).text


def test_who_started_a_test_charge_there_stops_it_there(made, db):
    session = made.sessions["running"]
    operator, address = made.people_of["operator"], f"/q/{session.station.field_code}"
    assert operator.get(address).text.count("Stop charging") == 1
    asked = {"order": "stop_charging", "session_id": session.id}
    assert operator.post(f"{address}/order", data=asked).headers["Location"].endswith(address)
    [given] = [row for row in rows(db, Command) if row.order is Order.STOP_CHARGING]
    assert given.arguments["session_id"] == session.id
    assert "Stop charging" not in made.people_of["viewer"].get(address).text


def test_a_noted_fault_stands_there_and_in_the_audit(made, db, station):
    operator, address = made.people_of["operator"], f"/q/{station.field_code}"
    text = "<b>Display</b> is cracked"
    assert operator.post(f"{address}/fault", data={"text": text}).status_code == 303
    assert rows(db, AuditEntry)[0].note == text
    for page in (operator.get(address).text, operator.get(f"/stations/{station.id}").text):
        assert "&lt;b&gt;Display&lt;/b&gt; is cracked" in page
    operator.post(f"{address}/fault", data={"text": " "})
    assert rows(db, AuditEntry)[0].note == text
    assert [row.text for row in rows(db, NotedFault)] == [text]


def test_a_fault_is_done_once_and_says_by_whom(made, db, station):
    operator, admin = made.people_of["operator"], made.people_of["admin"]
    operator.post(f"/q/{station.field_code}/fault", data={"text": "Cable worn"})
    (fault,) = rows(db, NotedFault)
    assert made.people_of["viewer"].post(f"/faults/{fault.id}/done").status_code == 403
    answer = admin.post(f"/faults/{fault.id}/done", data={"note": "Replaced", "at": "charger"})
    assert answer.headers["Location"].endswith(f"/q/{station.field_code}")
    page = operator.get(f"/q/{station.field_code}").text
    assert "Done by Grace Hopper" in page and "Replaced" in page
    operator.post(f"/faults/{fault.id}/done")
    assert rows(db, NotedFault)[0].done_by == "Grace Hopper"


def noted(client, station, photo, name="photo.jpg"):
    data = {"text": "Look", "photo": (io.BytesIO(photo), name)}
    return client.post(f"/q/{station.field_code}/fault", data=data)


def picture(form, size=(3000, 1000), **given):
    out = io.BytesIO()
    Image.new("RGB", size, "#fa0").save(out, form, **given)
    return out.getvalue()


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP"])
def test_a_photo_is_drawn_anew_and_tells_nothing_of_place_and_owner(made, db, station, form):
    exif = Image.Exif()
    exif[0x010F] = "CameraOfAda"
    exif[0x0112] = 6  # lies on its side
    noted(made.people_of["operator"], station, picture(form, exif=exif), "x.html")
    (fault,) = rows(db, NotedFault)
    answer = made.people_of["viewer"].get(f"/faults/{fault.id}/photo")
    assert answer.mimetype == "image/jpeg"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert "sandbox" in answer.headers["Content-Security-Policy"]
    assert answer.headers["Content-Disposition"] == f"inline; filename=fault-{fault.id}.jpg"
    assert b"CameraOfAda" not in answer.data
    with Image.open(io.BytesIO(answer.data)) as kept:
        assert kept.size[0] < kept.size[1] <= 2000
        assert not kept.getexif()
    page = made.people_of["viewer"].get(f"/stations/{station.id}").text
    assert f"/faults/{fault.id}/photo" in page


NO_PHOTOS = {
    "svg": lambda: b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>",
    "gif": lambda: b"GIF89a" + bytes(40),
    "script": lambda: b"\xff\xd8\xff<script>alert(1)</script>",
    "cut": lambda: picture("PNG")[:300],
    "large": lambda: picture("JPEG") + bytes(5 * 1024 * 1024),
    "many pixels": lambda: picture("PNG", (5100, 5000)),
}


@pytest.mark.parametrize("kind", NO_PHOTOS)
def test_what_is_no_photo_is_refused_and_nothing_is_kept(made, db, app, station, kind):
    answer = noted(made.people_of["operator"], station, NO_PHOTOS[kind]())
    assert answer.status_code == 303
    assert rows(db, NotedFault) == []
    folder = app.config["SETTINGS"].data_dir / "files" / "photos"
    assert not folder.is_dir() or not list(folder.iterdir())


def test_a_photo_goes_some_time_after_its_fault_is_done(made, db, app, station, now):
    noted(made.people_of["operator"], station, picture("JPEG"))
    (fault,) = rows(db, NotedFault)
    folder = app.config["SETTINGS"].data_dir / "files" / "photos"
    tidy_up()
    assert len(list(folder.iterdir())) == 1
    db.rollback()  # what was read before others wrote must not be written to
    field.settle_fault(db, SYSTEM, fault, now=now - timedelta(days=91))
    db.commit()
    tidy_up()
    assert list(folder.iterdir()) == []
    assert made.people_of["viewer"].get(f"/faults/{fault.id}/photo").status_code == 404


def test_the_command_line_and_the_api_note_and_settle(app, made, db, station, now):
    run = app.test_cli_runner()
    assert run.invoke(args=["fault", "add", station.identity, "Dark"]).exit_code == 0
    _, secret = api_tokens.issue(db, SYSTEM, made.people["operator"], name="test", now=now)
    db.commit()
    bearer = {"Authorization": f"Bearer {secret}"}
    client = app.test_client()
    address = f"/api/v1/stations/{station.id}/faults"
    (told,) = client.get(f"{address}?open=true", headers=bearer).json["items"]
    assert (told["text"], told["has_photo"], told["done_at"]) == ("Dark", False, None)
    made_now = client.post(address, json={"text": "Cable"}, headers=bearer)
    assert made_now.status_code == 201
    done = client.post(f"/api/v1/faults/{told['id']}/done", json={"note": "x"}, headers=bearer)
    assert done.json["done_note"] == "x"
    again = client.post(f"/api/v1/faults/{told['id']}/done", json={}, headers=bearer)
    assert again.status_code == 409
    assert "Cable" in run.invoke(args=["fault", "list"]).stdout
    assert run.invoke(args=["fault", "done", str(made_now.json["id"])]).exit_code == 0


def test_labels_are_made_for_a_filter_or_for_one(made, station):
    viewer = made.people_of["viewer"]
    page = viewer.get("/stations/labels").text
    assert page.count("<svg") >= len(made.stations)
    assert "No phone can open these codes" in page
    page = viewer.get(f"/stations/labels?station={station.id}").text
    assert f"/q/{station.field_code}" in page
    assert page.count("/q/") == 1


def test_labels_that_lead_somewhere_are_not_doubted(app, made):
    usual = app.config["SETTINGS"]
    app.config["SETTINGS"] = replace(usual, public_url="https://desk.example.com")
    try:
        page = made.people_of["viewer"].get("/stations/labels").text
    finally:
        app.config["SETTINGS"] = usual
    assert "https://desk.example.com/q/" in page and "No phone can open" not in page
