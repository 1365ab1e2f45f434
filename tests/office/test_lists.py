"""Filters that staff keep, what a list begins with, and the columns that somebody put away."""

import pytest
from sqlalchemy import select

from app.domain.office import lists
from app.models import AuditEntry, ListChoice, SavedFilter
from app.web.tables import LISTS


def save(client, query="billing=held", name="To look at", page="sessions.index", **more):
    given = {"page": page, "query": query, "name": name, **more}
    return client.post("/lists/filters", data=given, follow_redirects=True).text


def kept(db):
    db.expire_all()
    return db.scalars(select(SavedFilter).order_by(SavedFilter.id)).all()


def text(client, address):
    answer = client.get(address)
    assert answer.status_code == 200, address
    return answer.text


def test_a_saved_filter_is_a_chip_above_the_list_of_whoever_saved_it(made, db, operator, admin):
    save(operator, "billing=held&page=2&station_name=&after=xyz")
    assert [row.query for row in kept(db)] == ["billing=held"]
    assert 'href="/sessions?billing=held"' in text(operator, "/sessions")
    assert "To look at" not in text(admin, "/sessions")
    assert "To look at" not in text(operator, "/bills")
    assert db.scalars(select(AuditEntry).where(AuditEntry.action == "filter.save")).one()


def test_a_shared_filter_is_seen_by_all_and_deleted_by_its_owner_or_an_admin(
    made, db, viewer, operator, admin
):
    save(operator, shared="1")
    save(operator, "state=charging", "Now", shared="1")
    first, second = (row.id for row in kept(db))
    assert "Shared by" in text(viewer, "/sessions")
    assert viewer.post(f"/lists/filters/{first}/delete").status_code == 403
    assert admin.post(f"/lists/filters/{first}/delete").status_code == 303
    assert operator.post(f"/lists/filters/{second}/delete").status_code == 303
    assert kept(db) == []


def test_of_what_somebody_keeps_for_themselves_nobody_else_is_told(made, db, operator, admin):
    save(operator)
    number = kept(db)[0].id
    for verb in ("delete", "first"):
        assert admin.post(f"/lists/filters/{number}/{verb}").status_code == 404


def test_a_viewer_keeps_filters_and_shares_none(made, db, viewer):
    assert "is saved" in save(viewer)
    answer = viewer.post("/lists/filters", data={"page": "sessions.index", "query": "a=b",
                                                 "name": "x", "shared": "1"})  # fmt: skip
    assert answer.status_code == 403
    assert len(kept(db)) == 1


@pytest.mark.parametrize(
    ("query", "name", "sentence"),
    [
        ("", "All", "Filter the list first"),
        ("page=2", "All", "Filter the list first"),
        ("q=" + "x" * 1001, "Long", "too long"),
        ("q=x", "  ", "The name is missing"),
        ("q=x", "to LOOK at", "You have a filter named to LOOK at already"),
    ],
)
def test_what_cannot_be_kept_is_refused_with_a_sentence(made, db, operator, query, name, sentence):
    save(operator)
    assert sentence in save(operator, query, name)
    assert len(kept(db)) == 1


def test_one_person_keeps_so_many_filters_of_a_list_and_no_more(made, db, operator, monkeypatch):
    monkeypatch.setattr(lists, "MOST_KEPT", 2)
    save(operator)
    save(operator, "q=a", "A")
    assert "delete one first" in save(operator, "q=b", "B")


def test_a_page_that_is_no_list_keeps_nothing(made, operator):
    for page in ("sign.account", "https://example.org", ""):
        answer = operator.post("/lists/filters", data={"page": page, "query": "q=x", "name": "x"})
        assert answer.status_code == 404
        assert operator.post("/lists/columns", data={"page": page}).status_code == 404


def test_a_list_begins_with_the_filter_that_its_reader_chose_until_it_is_gone(
    made, db, operator, admin
):
    save(operator, shared="1", first="1")
    assert operator.get("/sessions").headers["Location"] == "/sessions?billing=held"
    assert "Open unfiltered" in text(operator, "/sessions?billing=held")
    assert 'href="/sessions?filter=none"' in text(operator, "/sessions?state=charging")
    assert operator.get("/sessions?filter=none").status_code == 200
    assert operator.get("/sessions", headers={"X-Live": "running"}).status_code == 200
    assert admin.get("/sessions").status_code == 200
    number = kept(db)[0].id
    admin.post(f"/lists/filters/{number}/first", data={"begins": "1"})
    assert admin.get("/sessions").status_code == 303
    operator.post(f"/lists/filters/{number}/first")
    assert operator.get("/sessions").status_code == 200
    operator.post(f"/lists/filters/{number}/delete")
    assert admin.get("/sessions").status_code == 200


def test_columns_are_put_away_for_one_person_and_files_keep_them_all(made, db, operator, admin):
    chosen = {"page": "drivers.index", "query": "state=no_email", "columns": ["email", "last"]}
    answer = operator.post("/lists/columns", data={**chosen, "shown": ["last"]})
    assert answer.headers["Location"] == "/drivers?state=no_email"
    page = text(operator, "/drivers")
    assert page.count(" hidden data-label=") == page.count('data-label="E-mail"') > 0
    assert " hidden data-label=" not in text(admin, "/drivers")
    assert "email" in text(operator, "/drivers?format=csv").splitlines()[0]
    operator.post("/lists/columns", data={**chosen, "shown": ["last", "email"]})
    assert db.scalars(select(ListChoice)).one().away == []


def test_every_list_whose_filters_are_kept_is_a_page(app):
    assert set(app.view_functions) >= LISTS
