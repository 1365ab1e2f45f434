"""Whatever stands where an id, a page or a word should: an answer, and never a fault of ours."""

from urllib.parse import quote, unquote

import pytest

from app.api.ground._endpoint import ENDPOINTS
from app.domain.ground.vocabulary import SYSTEM
from app.domain.office import api_tokens
from app.extensions import db as flask_db
from tests.security import walk
from tests.security.town import PARAMETERS
from tests.support import seed
from tests.support.fixtures import POSTGRESQL_BY_DAY

NUMBERS = ("0", "-1", str(2**31), str(2**63 - 1), str(2**63), "9" * 40, "٣", "1e3", "0x10")
WORDS = ("-1", str(2**63 - 1), "9" * 40, "٣", "a\x00b", "\ud7ff%'" * 600)
#: What lists are narrowed, sorted and paged by.
QUERY = (
    *("page", "sort", "q", "state", "station", "site", "driver", "tag", "group", "tariff", "user"),
    *("from", "until", "day", "kind", "format", "session", "command", "show", "value", "next"),
)
#: What forms are made of.
FORM = (
    *(
        "name",
        "value",
        "email",
        "identity",
        "driver",
        "group",
        "tariff",
        "sites",
        "stations",
        "ids",
    ),
    *("action", "order", "note", "reason", "label", "language", "timezone", "currency", "limit"),
    *("connector", "evse", "token", "key", "minutes", "text", "site", "station", "amount"),
)


#: The stricter one: SQLite takes words and numbers that this one refuses.
pytestmark = [pytest.mark.parametrize("database", POSTGRESQL_BY_DAY), pytest.mark.landing]


@pytest.fixture
def app(any_app):
    return any_app


@pytest.fixture
def made(app, now):
    made = seed.fill(flask_db.session(), now, history=2)
    flask_db.session.commit()
    return made


def faults(answers):
    return [(url, answer.status_code) for url, answer in answers if answer.status_code >= 500]


def address(rule, name, value):
    """A rule's address with `value` for one parameter and something plain for the others."""
    for part in walk_parts(rule):
        given = value if part == name else walk.WORDS.get(part, ("1",))[0]
        rule = replaced(rule, part, quote(given, safe=""))
    return rule


def walk_parts(rule):
    return [
        part.rpartition(":")[2].rstrip(">")
        for part in rule.split("<")[1:]
        for part in [part.split(">")[0]]
    ]


def replaced(rule, part, text):
    before, _, rest = rule.partition("<")
    while True:
        inside, _, after = rest.partition(">")
        if inside.rpartition(":")[2] == part:
            return f"{before}{text}{after}"
        before, _, rest = f"{before}<{inside}>{after}".partition("<")


def test_no_id_in_an_address_is_a_fault(app, made):
    client = seed.signed_in(app, made.people["admin"])
    _, secret = api_tokens.issue(
        flask_db.session(), SYSTEM, made.people["admin"], name="walker", now=made.now
    )
    flask_db.session.commit()
    headers = {"Authorization": f"Bearer {secret}"}
    ways, answers, turned_away = app.url_map.bind(""), [], set()
    for door in [*walk.doors(app), *walk.doors(app, api=True)]:
        if door.endpoint in walk.ENDLESS:
            continue
        for name in door.arguments:
            if name not in PARAMETERS and not name.endswith("_id"):
                continue
            for value in NUMBERS:
                url = address(door.rule, name, value)
                if not ways.test(unquote(url), door.method):  # nothing of the door is asked
                    if (value, walk.API in url) in turned_away:
                        continue
                    turned_away.add((value, walk.API in url))
                answers.append((url, client.open(url, method=door.method, headers=headers)))
    assert len(answers) > 500
    assert not faults(answers)


def test_no_word_in_a_query_is_a_fault(app, made):
    client = seed.signed_in(app, made.people["admin"])
    answers = []
    for door in walk.doors(app):
        if door.method != "GET" or door.arguments or door.endpoint in walk.ENDLESS:
            continue
        with walk.noting(app) as read:
            client.get(door.rule, query_string=dict.fromkeys(QUERY, WORDS[0]))
        reads = bool({*QUERY, walk.ANY} & read - {"format"})  # all pages read that one
        for value in WORDS if reads else WORDS[:1]:
            alone = dict.fromkeys(("page", "sort"), value)
            for query in [dict.fromkeys(QUERY, value), *([alone] if reads else [])]:
                answer = client.get(door.rule, query_string=query)
                answers.append((f"{door.rule} {value[:9]!r}", answer))
    assert len(answers) > 300
    assert not faults(answers)


def test_no_word_in_a_form_is_a_fault(app, made):
    client = seed.signed_in(app, made.people["admin"])
    ids = {"station_id": made.stations["CP-01"].id, "driver_id": made.drivers["Ada"].id}
    ids |= {"tag_id": made.tags["Ada"].id, "site_id": made.stations["CP-01"].site_id}
    answers = []
    for door in walk.doors(app):
        if door.method != "POST" or door.endpoint.startswith(("sign.", "station_files.")):
            continue
        if door.endpoint.endswith(("archive", "restore")):
            continue
        url = door.url(app, {**dict.fromkeys(PARAMETERS, 1), **ids})
        for value in WORDS:
            answer = client.post(url, data=dict.fromkeys(FORM, value))
            answers.append((f"{url} {value[:9]!r}", answer))
    assert not faults(answers)


def test_no_word_in_a_query_of_the_api_is_a_fault(app, made):
    _, secret = api_tokens.issue(
        flask_db.session(), SYSTEM, made.people["admin"], name="walker", now=made.now
    )
    flask_db.session.commit()
    client, headers, answers = app.test_client(), {"Authorization": f"Bearer {secret}"}, []
    for endpoint in ENDPOINTS:
        if endpoint.method != "GET" or "{" in endpoint.path:
            continue
        ends = {"seconds": "0"} if "seconds" in endpoint.query.model_fields else {}
        for name in endpoint.query.model_fields:
            for value in WORDS:
                asked = {**ends, name: value}
                answer = client.get(f"/api/v1{endpoint.path}", query_string=asked, headers=headers)
                answers.append((f"{endpoint.path}?{name}={value[:9]!r}", answer))
    assert answers and not faults(answers)
