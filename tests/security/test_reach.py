"""Nobody sees or changes what is another company's, or at a site out of their reach."""

from itertools import chain

import pytest

from app.extensions import db as flask_db
from app.models import Base
from tests.security.town import AT_SITES, HIDDEN, THEIRS
from tests.security.walk import ANY, ENDLESS, body, doors, noting, pages
from tests.support.chance import at_landing

#: Filters of lists that name a row.
FILTERS = ("station", "site", "session", "driver", "tag", "group", "tariff", "user", "command")
#: Other faces of a list, by the word that it reads.  `format` tells nothing, because all pages look
#: there for how to refuse; those that write files look for the `action` of a button as well.
FACES = {"action": ("format=csv", "format=jsonl"), "q": ("q=zq",)}


def digest(app):
    """All rows of all tables, to see that nothing changed."""
    with app.app_context(), flask_db.engine.connect() as connection:
        return {
            table.name: connection.execute(table.select()).all()
            for table in Base.metadata.sorted_tables
        }


@pytest.mark.parametrize("person", ["admin", *at_landing("operator", "viewer")])
def test_another_companys_ids_lead_nowhere(town, person):
    client, before, wrong = town.client(person), digest(town.app), []
    for door in doors(town.app):
        if not door.ids:
            continue
        answer = client.open(door.url(town.app, town.theirs.ids), method=door.method)
        if answer.status_code not in {403, 404} or THEIRS in body(answer):
            wrong.append((door.method, door.rule, answer.status_code))
    assert not wrong
    assert digest(town.app) == before


@pytest.mark.parametrize("person", ["near_admin", *at_landing("near_operator", "near_viewer")])
def test_ids_of_a_site_out_of_reach_lead_nowhere(town, person):
    client, before, wrong = town.client(person), digest(town.app), []
    for door in doors(town.app):
        if not set(door.ids) & set(AT_SITES):
            continue
        ids = {**town.ours.ids, **town.hidden.ids}
        answer = client.open(door.url(town.app, ids), method=door.method)
        if answer.status_code not in {403, 404} or HIDDEN in body(answer):
            wrong.append((door.method, door.rule, answer.status_code))
    assert not wrong
    assert digest(town.app) == before


@pytest.mark.landing
@pytest.mark.parametrize(
    ("person", "secrets"), [("admin", [THEIRS]), ("near_admin", [THEIRS, HIDDEN])]
)
def test_no_page_and_no_export_tells_of_what_is_out_of_reach(town, person, secrets):
    client, told, turned = town.client(person), [], 0
    near = {**town.ours.ids, **{k: v for k, v in town.near.ids.items() if v}}
    side = type(town.near)(town.ours.tenant_id, near if person == "near_admin" else town.ours.ids)
    for door, url in pages(town.app, side):
        with noting(town.app) as read:
            texts = {url: body(client.get(url))}
        faces = [] if door.ids else [FACES[name] for name in FACES if {name, ANY} & read]
        texts |= {face: body(client.get(f"{url}?{face}")) for face in chain(*faces)}
        for variant, text in texts.items():
            if any(secret in text for secret in secrets):
                told.append((door.rule, variant))
        turned += len(faces)
    assert not told
    assert turned > 20


@pytest.mark.landing
@pytest.mark.parametrize("side", ["theirs", "hidden"])
def test_a_filter_that_names_a_foreign_row_finds_nothing(town, side):
    person, secret = ("admin", THEIRS) if side == "theirs" else ("near_admin", HIDDEN)
    ids, client, told, tried = getattr(town, side).ids, town.client(person), [], 0
    given = {
        name: f"{name}={ids[f'{name}_id']}&{name}_id={ids[f'{name}_id']}&format=csv"
        for name in FILTERS
        if ids.get(f"{name}_id") is not None
    }
    for door in doors(town.app):
        if door.method != "GET" or door.arguments or door.endpoint in ENDLESS:
            continue
        url = door.url(town.app, {})
        with noting(town.app) as read:
            texts = {"all": body(client.get(f"{url}?{'&'.join(given.values())}"))}
        # A filter that a page never looks at finds nothing there.
        looked = [name for name in given if {name, f"{name}_id", ANY} & read]
        texts |= {name: body(client.get(f"{url}?{given[name]}")) for name in looked}
        told += [(door.rule, name) for name, text in texts.items() if secret in text]
        tried += len(looked)
    assert not told
    assert tried > 20


def test_forms_do_not_accept_foreign_ids(town):
    """A driver, a group, a tariff, a site or a station of another company cannot be referred to."""
    client, ids = town.client("operator"), town.theirs.ids
    before = digest(town.app)
    sent = [
        ("/tags/new", {"value": "04FFEE", "group": ids["group_id"]}),
        ("/tags/new", {"value": "04FFEE", "sites": ids["site_id"]}),
        ("/tags/new", {"value": "04FFEE", "stations": ids["station_id"]}),
        ("/tags/groups/new", {"name": "Ours", "tariff": ids["tariff_id"]}),
        ("/drivers/new", {"name": "Eve", "language": "en", "tariff": ids["tariff_id"]}),
        ("/tags/bulk", {"action": "block", "ids": [ids["tag_id"]]}),
    ]
    for url, data in sent:
        assert client.post(url, data=data).status_code in {404, 422}, url
    assert digest(town.app) == before
