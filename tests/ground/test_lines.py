"""Lines of text that people type: what cannot be seen neither hides nor turns round a name."""

import pytest

from app.domain.ground import texts
from app.domain.ground.errors import Invalid, Taken
from app.domain.ground.vocabulary import SYSTEM
from app.domain.network import sites, tenants
from app.uow import unit_of_work


def line(text):
    return texts.line(text, "The name", 20, field="name", required=True)


@pytest.mark.parametrize(
    "typed", ["De\u200bpot", "\ufeffDepot", "Depot\u2060", "\u202eDepot", "De\u00adpot\u2069"]
)
def test_what_cannot_be_seen_is_left_out(typed):
    assert line(typed) == "Depot"


@pytest.mark.parametrize("typed", ["می\u200cخواهم", "क्\u200dष", "👩\u200d💻"])
def test_joiners_are_kept_but_make_no_other_name(typed):
    assert line(typed) == typed
    assert texts.key(typed) == texts.key(typed.replace("\u200c", "").replace("\u200d", ""))


@pytest.mark.parametrize("typed", ["\u200b", " \u200d ", "\u202e\u202c"])
def test_a_name_of_nothing_that_is_seen_is_missing(typed):
    with pytest.raises(Invalid, match="missing"):
        line(typed)


@pytest.mark.parametrize("typed", ["a\x00b", "a\u2028b", "a\u2029b", "a\x85b", "a\ud800b"])
def test_a_line_has_no_end_within_it_nor_half_a_letter(typed):
    with pytest.raises(Invalid, match="control character"):
        line(typed)


def test_a_site_cannot_be_called_as_another_one_looks(any_app, now):
    given = {"timezone": "Europe/Berlin", "currency": "EUR", "now": now}
    with unit_of_work() as db:
        tenant_id = tenants.first(db, now=now).id
        sites.add(db, SYSTEM, tenant_id, name="Depot", **given)
        for twin in ("De\u200dpot", "\u202edepot"):
            with pytest.raises(Taken):
                sites.add(db, SYSTEM, tenant_id, name=twin, **given)
