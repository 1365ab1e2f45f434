"""The API's doors: every one against no token, wrong ones, lower roles, foreign ids and sites."""

from datetime import UTC, datetime

import pytest
from sqlalchemy import select

from app.domain.ground.vocabulary import SYSTEM, Role
from app.domain.office import api_tokens
from app.domain.office.rights import BUILT_IN
from app.extensions import db as flask_db
from app.models import Base, User
from tests.security import walk
from tests.security.town import AT_SITES, HIDDEN, OWN_ROLES, PARAMETERS, THEIRS
from tests.security.walk import WORDS, body
from tests.support.chance import at_landing

#: Told to everybody: how the API is used.
PUBLIC = {"api_reference.openapi", "api_reference.docs"}
#: What the API calls the parameters that the desk calls otherwise.
ALIASES = {"order_id": "command_id"}
NOWHERE = dict.fromkeys(PARAMETERS, 999_999_999)
#: What a POST or a PATCH sends, so that a refusal is not about the body.
JSON = {"json": {}}


@pytest.fixture(scope="module")
def tokens(town):
    """A secret for everybody in the town; the rate limit is lifted."""
    made = {}
    with town.app.app_context():
        db = flask_db.session()
        for side, people in (("ours", town.ours.people), ("theirs", town.theirs.people)):
            for name, cookie in people.items():
                user = db.scalar(select(User).where(User.id == int(cookie.split()[1])))
                now = datetime.now(UTC)
                token, secret = api_tokens.issue(db, SYSTEM, user, name="walker", now=now)
                token.last_used_at = now
                made[f"{side} {name}"] = secret
        db.commit()
        flask_db.session.remove()
    return made


def doors(town):
    return [door for door in walk.doors(town.app, api=True) if door.endpoint not in PUBLIC]


def url(town, door, ids):
    values = {}
    for name in door.arguments:
        known = ALIASES.get(name, name)
        values[name] = ids[known] if known in PARAMETERS else WORDS.get(name, (1,))[0]
    if door.endpoint == "api_events.stream":  # or it goes on for ever
        values["seconds"] = 0
    with town.app.test_request_context():
        from flask import url_for

        return url_for(door.endpoint, **values)


def ids_of(door):
    return {ALIASES.get(name, name) for name in door.arguments}


def ask(town, door, ids, secret=None, **headers):
    given = {"Authorization": f"Bearer {secret}"} if secret else {}
    sent = JSON if door.method in {"POST", "PATCH"} else {}
    client = town.app.test_client()
    return client.open(
        url(town, door, ids), method=door.method, headers={**given, **headers}, **sent
    )


def of_all_sites(town, door):
    return getattr(town.app.view_functions[door.endpoint], "needs_everywhere", False)


def is_problem(answer, status):
    told = answer.get_json(silent=True) or {}
    return (
        answer.status_code == status
        and answer.mimetype == "application/problem+json"
        and told.get("status") == status
        and bool(told.get("detail"))
        and bool(told.get("code"))
        and "Set-Cookie" not in answer.headers
        and "Location" not in answer.headers
    )


def digest(town):
    """All rows of all tables but the tokens, whose last use is noted."""
    with town.app.app_context(), flask_db.engine.connect() as connection:
        return {
            table.name: connection.execute(table.select()).all()
            for table in Base.metadata.sorted_tables
            if table.name != "api_tokens"
        }


@pytest.mark.landing
def test_only_the_reference_is_public(town):
    every = walk.doors(town.app, api=True)
    assert {door.endpoint for door in every if door.right is None} == PUBLIC


@pytest.mark.parametrize(
    "header",
    [
        None,
        *at_landing("", "Bearer", "Bearer ", "Basic Z3JhY2U6cGFzcw==", "Bearer " + "x" * 5000),
        "Bearer nothing",
        *at_landing("bearer ampd_\u00e9"),
    ],
)
def test_without_a_working_token_every_door_is_closed(town, header):
    headers = {} if header is None else {"Authorization": header}
    wrong = []
    for door in doors(town):
        answer = ask(town, door, town.ours.ids, **headers)
        challenged = answer.headers.get("WWW-Authenticate", "").startswith("Bearer")
        if not (is_problem(answer, 401) and challenged):
            wrong.append((door.method, door.rule, answer.status_code))
    assert not wrong


@pytest.mark.landing
def test_a_cookie_opens_no_door(town):
    client = town.client("admin")
    wrong = [
        door.rule
        for door in doors(town)
        if client.open(url(town, door, town.ours.ids), method=door.method).status_code != 401
    ]
    assert not wrong


@pytest.mark.landing
@pytest.mark.parametrize("person", [*BUILT_IN, *OWN_ROLES])
def test_a_role_reaches_exactly_what_it_may(town, tokens, person):
    held = OWN_ROLES.get(person) or BUILT_IN[Role(person)]
    wrong = []
    for door in doors(town):
        answer = ask(town, door, NOWHERE, tokens[f"ours {person}"])
        may = door.opens_to(held)
        fits = answer.status_code != 403 if may else is_problem(answer, 403)
        if not fits or answer.status_code >= 500:
            wrong.append((door.method, door.rule, answer.status_code, body(answer)[:200]))
    assert not wrong


@pytest.mark.parametrize("person", ["admin", *at_landing("operator", "viewer")])
def test_another_companys_ids_lead_nowhere(town, tokens, person):
    before, wrong = digest(town), []
    for door in doors(town):
        if not ids_of(door) & set(PARAMETERS):
            continue
        answer = ask(town, door, town.theirs.ids, tokens[f"ours {person}"])
        # A body may be looked at first; nothing of theirs is told all the same.
        fits = any(is_problem(answer, status) for status in (403, 404, 422))
        if not fits or THEIRS in body(answer):
            wrong.append((door.method, door.rule, answer.status_code))
    assert not wrong
    assert digest(town) == before


@pytest.mark.parametrize("person", ["near_admin", *at_landing("near_operator", "near_viewer")])
def test_ids_of_a_site_out_of_reach_lead_nowhere(town, tokens, person):
    before, wrong = digest(town), []
    for door in doors(town):
        if not ids_of(door) & set(AT_SITES):
            continue
        ids = {**town.ours.ids, **town.hidden.ids}
        answer = ask(town, door, ids, tokens[f"ours {person}"])
        fits = any(is_problem(answer, status) for status in (403, 404, 422))
        if not fits or HIDDEN in body(answer):
            wrong.append((door.method, door.rule, answer.status_code))
    assert not wrong
    assert digest(town) == before


@pytest.mark.landing
@pytest.mark.parametrize(
    ("person", "secret"), [("admin", THEIRS), ("near_admin", THEIRS), ("near_admin", HIDDEN)]
)
def test_no_answer_tells_of_what_is_out_of_reach(town, tokens, person, secret):
    near = {**town.ours.ids, **{k: v for k, v in town.near.ids.items() if v}}
    ids = near if person == "near_admin" else town.ours.ids
    told = []
    for door in doors(town):
        if door.method != "GET":
            continue
        answer = ask(town, door, ids, tokens[f"ours {person}"])
        closed = person == "near_admin" and of_all_sites(town, door)
        fits = (403,) if closed else (200, 404)
        assert answer.status_code in fits, (door.rule, body(answer)[:300])
        if secret in body(answer):
            told.append(door.rule)
    assert not told


@pytest.mark.landing
@pytest.mark.parametrize("side", ["theirs", "hidden"])
def test_a_filter_that_names_a_foreign_row_finds_nothing(town, tokens, side):
    person, secret = ("admin", THEIRS) if side == "theirs" else ("near_admin", HIDDEN)
    ids, told = getattr(town, side).ids, []
    client = town.app.test_client()
    for door in doors(town):
        if door.method != "GET" or door.arguments:
            continue
        for name, value in ids.items():
            headers = {"Authorization": f"Bearer {tokens[f'ours {person}']}"}
            address = f"{url(town, door, {})}?{ALIASES.get(name, name)}={value}"
            if secret in body(client.get(address, headers=headers)):
                told.append((door.rule, name))
    assert not told


def test_what_concerns_all_sites_is_closed_to_tokens_of_some(town, tokens):
    closed = [door for door in doors(town) if of_all_sites(town, door)]
    assert closed
    for door in closed:
        assert is_problem(ask(town, door, town.ours.ids, tokens["ours near_admin"]), 403)


def test_bodies_do_not_name_foreign_rows(town, tokens):
    ids = town.theirs.ids
    before = digest(town)
    sent = [
        ("/tags", {"value": "04FFEE", "group_id": ids["group_id"]}),
        ("/tags", {"value": "04FFEE", "site_ids": [ids["site_id"]]}),
        ("/tags", {"value": "04FFEE", "station_ids": [ids["station_id"]]}),
        ("/tags", {"value": "04FFEE", "driver_id": ids["driver_id"]}),
        ("/tag-groups", {"name": "Ours", "tariff_id": ids["tariff_id"]}),
        ("/drivers", {"name": "Eve", "tariff_id": ids["tariff_id"]}),
        ("/stations", {"identity": "EVE-1", "site_id": ids["site_id"]}),
        (
            f"/stray-stops/{town.ours.ids['stray_id']}/assign",
            {"session_id": ids["session_id"], "note": "Mine."},
        ),
    ]
    headers = {"Authorization": f"Bearer {tokens['ours operator']}"}
    client = town.app.test_client()
    for path, given in sent:
        answer = client.post(f"/api/v1{path}", json=given, headers=headers)
        assert answer.status_code in {404, 422}, path
    assert digest(town) == before
