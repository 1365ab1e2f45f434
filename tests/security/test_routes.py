"""Every route says who may use it, and keeps to it; every form carries its token."""

import pytest

from app import create_app
from app.config import Settings
from app.domain.ground.vocabulary import Role
from tests.security.town import PARAMETERS
from tests.security.walk import ENDLESS, WORDS, doors
from tests.support.apps import COMPILED, NO_REDIS

#: No row has this id.
NOWHERE = dict.fromkeys(PARAMETERS, 999_999_999)

#: Refused to admins too, because this installation has two tenants and mails name none.
OF_THE_INSTALLATION = {"mail.index", "mail.show", "mail.letter"}
#: Staff, their links and the audit reach into every site.
OF_ALL_SITES = ("staff.", "audit.", "tariffs.create", "tariffs.edit", "sites.create")
#: Pages for people who are not signed in, on purpose.
PUBLIC = {
    *("sign.sign_in", "sign.sign_out", "sign.forgotten", "sign.reset", "sign.setup"),
    "sign.second_step",
    # Stations fetch firmware and bring logs with the secret in the address of their job.
    *("station_files.fetch", "station_files.bring"),
    # A driver opens a receipt with the secret that its mail brought, or that a station showed.
    *("driver_receipts.show", "driver_receipts.pdf", "driver_receipts.ask"),
    # The label at a charger leads there: what a driver may know, or the field page for staff.
    "field.show",
    # A load balancer asks for a word per part.
    "system.health",
}
#: Addresses for stations: a secret in them takes the place of a person, and no form is sent there.
FOR_STATIONS = {"station_files.fetch", "station_files.bring"}


def test_every_route_is_marked_with_the_role_it_needs(town):
    unmarked = [
        rule.rule
        for rule in town.app.url_map.iter_rules()
        if not hasattr(town.app.view_functions[rule.endpoint], "needs_role")
    ]
    assert not unmarked, "add @needs(role) or @public from app.web.security"


def test_only_the_ways_in_are_public(town):
    public = {door.endpoint for door in doors(town.app) if door.role is None}
    assert public == PUBLIC


def test_every_parameter_of_a_route_is_known_to_these_tests(town):
    names = {name for door in doors(town.app) for name in door.arguments}
    assert names <= set(PARAMETERS) | set(WORDS), "add it to tests/security/town.py or walk.py"


def test_whoever_is_not_signed_in_sees_nothing(town):
    client = town.client("")
    open_doors = []
    for door in doors(town.app):
        if door.role is None:
            continue
        answer = client.open(door.url(town.app, town.ours.ids), method=door.method)
        to_sign_in = answer.status_code == 303 and "/sign-in" in answer.headers["Location"]
        if not (to_sign_in or answer.status_code == 401):
            open_doors.append((door.method, door.rule, answer.status_code))
    assert not open_doors


@pytest.mark.parametrize("role", list(Role))
def test_a_role_reaches_exactly_what_it_may(town, role):
    """A refusal is 403, whatever the id; nothing else is, though the id names no row."""
    client = town.client(role.value)
    wrong = []
    for door in doors(town.app):
        if door.role is None or door.endpoint in ENDLESS | OF_THE_INSTALLATION:
            continue
        answer = client.open(door.url(town.app, NOWHERE), method=door.method)
        may = role.includes(Role(door.role))
        if (answer.status_code == 403) is may or answer.status_code >= 500:
            wrong.append((door.method, door.rule, door.role, answer.status_code))
    assert not wrong


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
