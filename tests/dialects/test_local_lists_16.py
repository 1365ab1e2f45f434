"""Local lists over OCPP 1.6."""

import pytest

from app.domain.access import tag_groups, tags
from app.domain.ground.vocabulary import SYSTEM, CommandState, Order
from app.models import LocalList
from tests.support.dialogue import Dialogue
from worker.ocpp.versions import Version


@pytest.fixture
def talk(db, now):
    return Dialogue(db, now, Version.V16)


@pytest.fixture
def add(talk):
    def put(value, **facts):
        tenant_id = talk.station.tenant_id
        return tags.add(talk.db, SYSTEM, tenant_id, now=talk.now, value=value, **facts)

    return put


def held(talk):
    return talk.db.query(LocalList).one()


def test_the_whole_list_and_then_what_changed(talk, add):
    tenant_id = talk.station.tenant_id
    fleet = tag_groups.add(talk.db, SYSTEM, tenant_id, now=talk.now, name="Fleet")
    first = add("AB12", group_id=fleet.id, expires_at=talk.now.replace(hour=18))
    tags.block(talk.db, SYSTEM, add("CD34"), now=talk.now)
    talk.ask(Order.SEND_LOCAL_LIST)
    info = {"status": "Accepted", "expiryDate": "2026-03-02T18:00:00Z", "parentIdTag": "FLEET"}
    assert talk.hears() == (
        "SendLocalList",
        {
            "listVersion": 1,
            "localAuthorizationList": [
                {"idTag": "AB12", "idTagInfo": info},
                {"idTag": "CD34", "idTagInfo": {"status": "Blocked"}},
            ],
            "updateType": "Full",
        },
    )
    talk.answers({"status": "Accepted"})
    tags.archive(talk.db, SYSTEM, first, now=talk.now)
    add("EF56")
    talk.ask(Order.SEND_LOCAL_LIST)
    assert talk.hears()[1] == {
        "listVersion": 2,
        "localAuthorizationList": [
            {"idTag": "AB12"},
            {"idTag": "EF56", "idTagInfo": {"status": "Accepted"}},
        ],
        "updateType": "Differential",
    }


def test_an_empty_list_has_no_member_for_it(talk):
    talk.ask(Order.SEND_LOCAL_LIST, mode="empty")
    assert talk.hears()[1] == {"listVersion": 1, "updateType": "Full"}


def test_tags_that_do_not_fit_are_left_out_and_marked(talk, add):
    add("A" * 21)
    add("B2")
    talk.ask(Order.SEND_LOCAL_LIST)
    assert [one["idTag"] for one in talk.hears()[1]["localAuthorizationList"]] == ["B2"]
    talk.answers({"status": "Accepted"})
    assert [entry.get("untold", False) for entry in held(talk).entries] == [True, False]


@pytest.mark.parametrize(
    ("word", "full_next", "version_told"),
    [("Failed", True, None), ("VersionMismatch", True, None), ("NotSupported", False, -1)],
)
def test_each_refusal_has_its_meaning(talk, add, word, full_next, version_told):
    add("AB12")
    talk.ask(Order.SEND_LOCAL_LIST)
    command = talk.answers({"status": word})
    assert command.state is CommandState.REJECTED
    assert (held(talk).full_next, held(talk).reported_version) == (full_next, version_told)
    assert held(talk).version == 0


@pytest.mark.parametrize(
    ("number", "sentence"),
    [(4, "version 4"), (0, "holds no list"), (-1, "keeps no list")],
)
def test_the_version_is_asked_for(talk, number, sentence):
    talk.ask(Order.READ_LOCAL_LIST_VERSION)
    assert talk.hears() == ("GetLocalListVersion", {})
    command = talk.answers({"listVersion": number})
    assert sentence in command.sentence
    assert held(talk).reported_version == number


def test_after_a_mismatch_the_whole_list_follows_by_itself(talk, add):
    add("AB12")
    talk.ask(Order.SEND_LOCAL_LIST)
    talk.answers({"status": "Accepted"})
    add("CD34")
    talk.ask(Order.SEND_LOCAL_LIST)
    talk.answers({"status": "VersionMismatch"})
    _, payload = talk.hears()
    assert (payload["updateType"], len(payload["localAuthorizationList"])) == ("Full", 2)
