"""Whatever changes something, at the desk or by the API, leaves an entry: from what to what."""

import re
import shutil
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from io import BytesIO
from urllib.parse import parse_qs, urlsplit

import pytest
from sqlalchemy import select, update

from app import create_app
from app.api.ground._endpoint import ENDPOINTS, ROOT
from app.config import Settings
from app.domain.access import tag_groups
from app.domain.ground.vocabulary import SYSTEM, Actor, JobKind, Role
from app.domain.money import tariff_book
from app.domain.network import sites
from app.domain.office import api_tokens, jobs, staff
from app.domain.office.rights import BUILT_IN
from app.domain.trust import certificates
from app.extensions import db as flask_db
from app.factory import _modules
from app.models import Base, Bill, ChargingSession, Review, SignIn, Tag, User
from tests.security import town as town_maker
from tests.security.changes import API, DESK, ELSEWHERE, NOTHING, PRICES, SILENT
from tests.security.town import AT_SITES, PARAMETERS
from tests.security.walk import doors
from tests.support.apps import COMPILED, NO_REDIS
from tests.support.audited import Watch
from tests.support.pki import Authority
from tests.trust.test_certificates import request as signing_request

PASSWORD = "correct horse battery"


class Form(HTMLParser):
    """What the form of an address shows before anybody types."""

    def __init__(self, url, text):
        super().__init__()
        self.url, self.typed, self._inside, self._select, self._area = url, {}, False, "", ""
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        given = dict(attrs)
        name = given.get("name")
        if tag == "form":
            self._inside = given.get("method") == "post" and given.get("action") in (None, self.url)
        elif tag == "option" and self._select:
            if "selected" in given or not self.typed[self._select]:
                self.typed[self._select] = [given.get("value", "")]
        elif self._inside and name:
            if tag == "select":
                self.typed[name], self._select = [], name
            elif tag == "textarea":
                self.typed[name], self._area = [""], name
            elif tag == "input" and given.get("type") not in ("checkbox", "radio", "file"):
                self.typed.setdefault(name, []).append(given.get("value") or "")
            elif tag == "input" and "checked" in given:
                self.typed.setdefault(name, []).append(given.get("value"))

    def handle_data(self, data):
        if self._area:
            self.typed[self._area] = [self.typed[self._area][0] + data.lstrip("\n")]

    def handle_endtag(self, tag):
        self._inside = self._inside and tag != "form"
        self._select = "" if tag == "select" else self._select
        self._area = "" if tag == "textarea" else self._area


class Place:
    """A town that is as new before each request, and what its rows are called."""

    def __init__(self, app, folder, tmp_path):
        self.app, self.folder = app, folder
        self.now = datetime.now(UTC) - timedelta(minutes=1)
        self.town = town_maker.build(app, self.now)
        with app.app_context():
            db = flask_db.session()
            self.ids = {**self.town.ours.ids, **self._more(db, tmp_path)}
            db.commit()
            flask_db.session.remove()
        self._close()
        shutil.copy(folder / "ampdesk.sqlite3", folder / "kept")

    def _more(self, db, tmp_path):
        """Rows in states that the town has none of."""
        tenant_id, now = self.town.ours.tenant_id, self.now
        ours = {"tenant_id": tenant_id, "now": now}
        admin = db.scalars(select(User).filter_by(tenant_id=tenant_id, role="admin")).first()
        admin.password_hash = staff.hashed(PASSWORD, admin)
        running = db.scalars(
            select(ChargingSession).filter_by(tenant_id=tenant_id, ended_at=None)
        ).first()
        station, bill = running.station, db.get(Bill, self.town.ours.ids["bill_id"])
        site = sites.add(db, SYSTEM, name="Pier", timezone="UTC", currency="EUR", **ours)
        group = tag_groups.add(db, SYSTEM, name="Nobody", **ours)
        spare = tariff_book.create(db, SYSTEM, name="Spare", definition=PRICES, **ours)
        later = now + timedelta(days=9)
        begins = f"{later:%Y-%m-%dT%H:%M}"
        tariff_book.edit(db, SYSTEM, spare, definition=PRICES, valid_from=begins, now=now)
        person = {"role": "viewer", "tenant_id": tenant_id, "now": now}
        invited = staff.create(db, SYSTEM, email="new@example.org", name="New", **person)
        machine = api_tokens.add_machine(db, SYSTEM, name="Meter", owner_id=admin.id, **person)
        self.secret = api_tokens.issue(db, SYSTEM, admin, name="Walker", now=now)[1]
        grace = Actor("Grace", user_id=admin.id, rights=BUILT_IN[Role.ADMIN])
        work = jobs.ask(db, grace, JobKind.IMPORT_TAGS, arguments={}, text="value\n04\n", **ours)
        asked = certificates.request_signature(
            db, station, signing_request(station.identity), "station", None, now=now
        )
        other = SignIn(
            tenant_id=tenant_id, user_id=admin.id, token_hash="other", made_at=now, seen_at=now,
            expires_at=later,
        )  # fmt: skip
        db.add(other)
        db.flush()
        at = {name: self._at(db, PARAMETERS[name], station) for name in AT_SITES}
        return {
            **{name: number for name, number in at.items() if number},
            "station_id": station.id,
            "station": station.identity,
            "connector": 1,
            "admin_id": admin.id,
            "idle_station_id": self.town.near.ids["station_id"],
            "running_id": running.id,
            "held_id": db.scalar(select(Review.session_id).filter_by(tenant_id=tenant_id)),
            "review_id": db.scalar(select(Review.id).filter_by(tenant_id=tenant_id)),
            "quiet_driver_id": self.town.near.ids["driver_id"],
            "billed_driver_id": bill.session.driver_id,
            "month": f"{bill.issued_at:%Y-%m}",
            "empty_site_id": site.id,
            "empty_group_id": group.id,
            "spare_tariff_id": spare.id,
            "invited_id": invited.id,
            "machine_id": machine.id,
            "import_id": work.id,
            "asked_id": asked.id,
            "other_sign_in_id": other.id,
            "tag": db.get_one(Tag, self.town.ours.ids["tag_id"]).value,
            "pem": Authority(tmp_path).root.pem,
            "password": PASSWORD,
        }

    def _at(self, db, model, station):
        of_station = "station_id" in model.__table__.c and model is not ChargingSession
        return db.scalar(select(model.id).filter_by(station_id=station.id)) if of_station else None

    def _close(self):
        with self.app.app_context():
            flask_db.engine.dispose()
        for end in ("-wal", "-shm"):
            (self.folder / f"ampdesk.sqlite3{end}").unlink(missing_ok=True)

    def anew(self, was):
        self._close()
        shutil.copy(self.folder / "kept", self.folder / "ampdesk.sqlite3")
        with self.app.app_context(), flask_db.engine.begin() as connection:
            for name, columns in was.items():
                table = (
                    PARAMETERS[name].__table__ if name in PARAMETERS else Base.metadata.tables[name]
                )
                rows = table.c.id == self.ids[name] if name in PARAMETERS else True
                connection.execute(update(table).where(rows).values(**columns))

    def put(self, value):
        """What is sent, with the rows of the town in it."""
        if isinstance(value, dict):
            return {name: self.put(inner) for name, inner in value.items()}
        if isinstance(value, list):
            return [self.put(inner) for inner in value]
        if value == "<file>":
            return (BytesIO(b"firmware"), "fw.bin")
        known = isinstance(value, str) and value[:1] == "<"
        return self.ids[value[1:-1]] if known else value

    def url(self, door, words):
        values = {name: self.ids.get(name, 0) for name in door.arguments if name in PARAMETERS}
        values |= {
            name: door._word(self.app, name)
            for name in door.arguments
            if name not in values and name not in words
        }
        with self.app.test_request_context():
            return self.app.url_for(door.endpoint, **values | self.put(words))

    def ask(self, operation, sent):
        """Have the API do something."""
        words = self.ids | self.put(sent.words)
        body = self.put(sent.body)
        return self.app.test_client().open(
            ROOT + operation.path.format_map(words),
            method=operation.method,
            headers={"Authorization": f"Bearer {self.secret}"},
            **({"data": body} if operation.file else {"json": body} if operation.body else {}),
        )

    def post(self, client, door, sent):
        url = self.url(door, sent.words)
        page = client.get(url)
        shown = Form(url, page.text).typed if page.mimetype == "text/html" else {}
        return client.post(url, data=shown | self.put(sent.body))


list(_modules("app.api"))  # or no endpoint is known yet
#: Whatever changes something.
OPERATIONS = {
    f"{one.noun}.{one.name}": one
    for one in ENDPOINTS
    if one.method != "GET" and f"{one.noun}.{one.name}" not in ELSEWHERE
}


@pytest.fixture(scope="module")
def place(migrated, tmp_path_factory):
    folder = tmp_path_factory.mktemp("audited")
    shutil.copy(migrated, folder / "ampdesk.sqlite3")
    settings = Settings(data_dir=folder, redis_url=NO_REDIS, api_rate="")
    app = create_app(settings=settings, TESTING=True, WTF_CSRF_ENABLED=False)
    app.jinja_env.bytecode_cache = COMPILED
    app.add_pages()
    return Place(app, folder, folder)


@pytest.fixture
def watch():
    watch = Watch()
    yield watch
    watch.end()


def is_elsewhere(endpoint):
    return bool({endpoint, endpoint.partition(".")[0]} & ELSEWHERE.keys())


def changing(app):
    return {door.endpoint: door for door in doors(app) if door.method == "POST"}


def test_every_route_that_changes_something_has_its_line(place):
    here = {name for name in changing(place.app) if not is_elsewhere(name)}
    assert here == DESK.keys()


@pytest.mark.landing
@pytest.mark.parametrize("endpoint", sorted(DESK))
def test_the_desk_tells_what_it_changes(place, watch, endpoint):
    sent, found = DESK[endpoint], changing(place.app)
    place.anew(sent.was)
    client = place.town.client("admin")
    if sent.first:
        location = place.post(client, found[sent.first], DESK[sent.first]).location
        place.ids["at"] = parse_qs(urlsplit(location).query).get("at")
    watch.begin()
    answer = place.post(client, found[endpoint], sent)
    assert answer.status_code < 400, complaints(answer.text)
    assert_tells(watch, endpoint, flashed(client))


def complaints(page):
    """What a page says is wrong."""
    said = re.sub(r"<(svg|/?use).*?>", "", page)
    return re.findall(r'class="(?:error|bad|flash flash-error)"[^>]*>(?:<[^>]*>)*(.+?)</', said)


@pytest.mark.landing
@pytest.mark.parametrize("operation", sorted(OPERATIONS))
def test_the_api_tells_what_it_changes(place, watch, operation):
    sent = API.get(operation, NOTHING)
    place.anew(sent.was)
    if sent.first:
        place.ask(OPERATIONS[sent.first], API[sent.first])
    watch.begin()
    answer = place.ask(OPERATIONS[operation], sent)
    assert answer.status_code < 400, answer.json
    assert_tells(watch, operation, answer.json)


def flashed(client):
    with client.session_transaction() as cookie:
        return [str(words) for _, words in cookie.get("_flashes", ())]


def assert_tells(watch, endpoint, words=""):
    assert watch.changed, words
    assert not watch.found, watch.found
    assert ("audit_entries" in watch.changed) is (endpoint not in SILENT)


#: Forms of what others edit, too; of the account it is one's own.
EDITS = sorted(name for name in DESK if name.endswith(".edit") or name == "organisation.index")


@pytest.mark.landing
@pytest.mark.parametrize("endpoint", EDITS)
def test_a_form_that_is_older_than_a_change_takes_nothing_back_unasked(place, endpoint):
    sent, door = DESK[endpoint], changing(place.app)[endpoint]
    place.anew(sent.was)
    client, url = place.town.client("admin"), place.url(door, sent.words)
    shown = client.get(url)  # an alert is edited on its own page
    text = shown.text if shown.status_code == 200 else client.get(url.removesuffix("/edit")).text
    old = Form(url, text).typed
    assert client.post(url, data=old | place.put(sent.body)).status_code < 400
    refused = client.post(url, data=old)
    assert refused.status_code == 422
    assert any("has changed this since you opened it" in said for said in complaints(refused.text))
    again = Form(url, refused.text).typed
    assert again["opened"] > old["opened"]
    meant = client.post(url, data=again)
    assert meant.status_code < 400, complaints(meant.text)
