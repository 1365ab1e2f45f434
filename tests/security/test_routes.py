"""Every route says who may use it, and keeps to it; every form carries its token."""

from datetime import UTC, datetime

import pytest
from sqlalchemy import select

from app import create_app
from app.config import Settings
from app.domain.ground.vocabulary import SYSTEM, Area, Right, Role
from app.domain.office import rights
from app.domain.office.rights import BUILT_IN
from app.extensions import db as flask_db
from app.models import OwnRole
from tests.security.town import OWN_ROLES, PARAMETERS
from tests.security.walk import ENDLESS, WORDS, body, doors
from tests.support.apps import COMPILED, NO_REDIS
from tests.support.chance import at_landing

#: No row has this id.
NOWHERE = dict.fromkeys(PARAMETERS, 999_999_999)

#: Refused to admins too, because this installation has two tenants and mails name none.
OF_THE_INSTALLATION = {"mail.index", "mail.show", "mail.letter"}
#: Staff, their links and the audit reach into every site.
OF_ALL_SITES = ("staff.", "audit.", "tariffs.create", "tariffs.edit", "sites.create")
#: Pages for people who are not signed in, on purpose.
PUBLIC = {
    *("sign.sign_in", "sign.sign_out", "sign.forgotten", "sign.reset", "sign.setup"),
    *("provider.begin", "provider.finish"),
    *("sign.second_step", "passkeys.sign_in", "passkeys.options_to_sign_in"),
    # Stations fetch firmware and bring logs with the secret in the address of their job.
    *("station_files.fetch", "station_files.bring"),
    # A driver opens a receipt with the secret that its mail brought, or that a station showed.
    *("driver_receipts.show", "driver_receipts.pdf", "driver_receipts.signed"),
    "driver_receipts.ask",
    # The label at a charger leads there: what a driver may know, or the field page for staff.
    "field.show",
    # A load balancer asks for a word per part.
    *("system.health", "system.ready"),
    # Prometheus shows a token of the settings.
    "system.metrics",
}
#: Addresses for stations: a secret in them takes the place of a person, and no form is sent there.
FOR_STATIONS = {"station_files.fetch", "station_files.bring"}


def test_every_route_is_marked_with_the_right_it_needs(town):
    unmarked = [
        rule.rule
        for rule in town.app.url_map.iter_rules()
        if not hasattr(town.app.view_functions[rule.endpoint], "needs_right")
    ]
    assert not unmarked, "hang it on Pages of app.web.security, or guard it by needs"


def test_only_the_ways_in_are_public(town):
    public = {door.endpoint for door in doors(town.app) if door.right is None}
    assert public == PUBLIC


def test_every_parameter_of_a_route_is_known_to_these_tests(town):
    names = {name for door in doors(town.app) for name in door.arguments}
    assert names <= set(PARAMETERS) | set(WORDS), "add it to tests/security/town.py or walk.py"


def test_whoever_is_not_signed_in_sees_nothing(town):
    client = town.client("")
    open_doors = []
    for door in doors(town.app):
        if door.right is None:
            continue
        answer = client.open(door.url(town.app, town.ours.ids), method=door.method)
        to_sign_in = answer.status_code == 303 and "/sign-in" in answer.headers["Location"]
        if not (to_sign_in or answer.status_code == 401):
            open_doors.append((door.method, door.rule, answer.status_code))
    assert not open_doors


#: The roles that are walked through before a change lands; one is at each commit.
OTHERS = [*(role for role in BUILT_IN if role is not Role.OPERATOR), *OWN_ROLES]


@pytest.mark.parametrize("person", [Role.OPERATOR, *at_landing(*OTHERS)])
def test_a_role_reaches_exactly_what_it_may(town, person):
    """A refusal is 403, whatever the id; nothing else is, though the id names no row."""
    client = town.client(person)
    held = OWN_ROLES.get(person) or BUILT_IN[Role(person)]
    wrong = []
    for door in doors(town.app):
        if door.right is None or door.endpoint in ENDLESS | OF_THE_INSTALLATION:
            continue
        answer = client.open(door.url(town.app, NOWHERE), method=door.method)
        if answer.status_code == 429:  # so few may be asked for in a minute, whoever asks
            continue
        away = answer.status_code == 403
        if door.endpoint == "home.index":  # whoever may not see Home is led to what they may
            away = answer.status_code == 303
        if away is door.opens_to(held) or answer.status_code >= 500:
            wrong.append((door.method, door.rule, door.right, door.area, answer.status_code))
    assert not wrong


def test_the_built_in_roles_may_what_they_always_could():
    """What operators do not change stands here, so that nobody gives it to them by accident."""
    hidden = {Area.PRIVACY, Area.STAFF, Area.AUDIT, Area.ORGANISATION}
    admin, operator, viewer = (BUILT_IN[role] for role in (Role.ADMIN, Role.OPERATOR, Role.VIEWER))
    assert {area for area in Area if admin.get(area) is Right.WRITE} == set(Area)
    assert {area for area in operator if operator[area] is Right.READ} == {Area.TARIFFS, Area.TRUST}
    assert set(Area) - operator.keys() == set(Area) - viewer.keys() == hidden
    assert set(viewer.values()) == {Right.READ}


def test_a_clerk_sees_bills_and_nothing_else(town):
    client = town.client("clerk")
    front = client.get("/")
    assert (front.status_code, front.headers["Location"]) == (303, "/bills")
    page = body(client.get("/bills"))
    assert 'href="/bills"' in page
    assert 'href="/stations"' not in page
    assert 'href="/staff"' not in page
    away = client.get("/tariffs")
    assert away.status_code == 403
    assert "Your role “Clerk” may not see this: Tariffs." in body(away)


def test_another_right_counts_at_once_in_a_browser_that_is_signed_in(town):
    client = town.client("tester")
    assert client.get("/tariffs").status_code == 403
    _set_rights(town, "Tester", {Area.MONEY: Right.READ, Area.TARIFFS: Right.READ})
    assert client.get("/tariffs").status_code == 200
    _set_rights(town, "Tester", OWN_ROLES["tester"])
    assert client.get("/tariffs").status_code == 403


def _set_rights(town, name, given):
    with town.app.app_context():
        db = flask_db.session()
        role = db.scalar(select(OwnRole).where(OwnRole.name == name))
        rights.edit_role(db, SYSTEM, role, rights=given, now=datetime.now(UTC))
        db.commit()
        flask_db.session.remove()


def test_what_concerns_all_sites_is_closed_to_staff_of_some(town):
    client, open_doors = town.client("near_admin"), []
    for door in doors(town.app):
        whole = getattr(town.app.view_functions[door.endpoint], "needs_everywhere", False)
        if whole or door.endpoint.startswith(OF_ALL_SITES):
            answer = client.open(door.url(town.app, town.ours.ids), method=door.method)
            if answer.status_code != 403:
                open_doors.append((door.method, door.rule, answer.status_code))
    assert not open_doors


@pytest.fixture(scope="module")
def guarded(town):
    """The same town behind CSRF protection, as it is in life."""
    settings = Settings(data_dir=town.app.config["SETTINGS"].data_dir, redis_url=NO_REDIS)
    app = create_app(settings=settings, TESTING=True)
    app.jinja_env.bytecode_cache = COMPILED
    return app


@pytest.mark.landing
@pytest.mark.parametrize("person", ["admin", ""])
def test_no_form_works_without_its_token(town, guarded, person):
    client = guarded.test_client()
    if person:
        with client.session_transaction() as cookie:
            cookie["_user_id"], cookie["_fresh"] = town.ours.people[person], True
    wrong = []
    for door in doors(guarded):
        if door.method in {"POST", "PUT", "PATCH", "DELETE"}:
            answer = client.open(door.url(guarded, NOWHERE), method=door.method)
            if answer.status_code != (404 if door.endpoint in FOR_STATIONS else 400):
                wrong.append((door.rule, answer.status_code))
    assert not wrong


def test_a_token_of_somebody_else_does_not_count(town, guarded):
    client = guarded.test_client()
    with client.session_transaction() as cookie:
        cookie["_user_id"], cookie["_fresh"] = town.ours.people["operator"], True
    token = "IjAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAi.aaaaaa.forged"
    for sent in ({"data": {"csrf_token": token}}, {"headers": {"X-CSRFToken": token}}):
        assert client.post("/tags/new", **sent).status_code == 400
