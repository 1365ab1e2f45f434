"""Reservations and local lists on the desk: asked for, listed, cancelled, exported."""

from datetime import UTC, datetime

import pytest
from sqlalchemy import select

from app.domain.access import local_lists, tags
from app.domain.commands import commands
from app.domain.ground.vocabulary import SYSTEM, CommandState, Outcome, ReservationState
from app.models import Command, LocalList, Reservation
from tests.support.online import made, now

__all__ = ["made", "now"]


@pytest.fixture
def place(made):
    return f"/stations/{made.stations['CP-03'].id}"


def reserve(client, place, **given):
    wish = {"connector": "2", "token": "04A2B1C9", "minutes": "30", "plug_type": "", **given}
    return client.post(f"{place}/reservations", data=wish)


def answer(db, state, sentence=""):
    """The station answers the newest command."""
    db.expire_all()
    command = db.scalar(select(Command).order_by(Command.id.desc()).limit(1))
    command.state = CommandState.SENT
    commands.settle(db, command, Outcome(state, {}, sentence), now=datetime.now(UTC))
    db.commit()


@pytest.fixture
def tag(made):
    return made.tags["Ada"].value


def test_a_connector_is_kept_and_let_go(db, operator, place, tag):
    done = reserve(operator, place, token=tag)
    assert (done.status_code, done.location) == (303, f"{place}/reservations")
    row = db.scalars(select(Reservation)).one()
    assert (row.state, row.evse, row.token) == (ReservationState.ASKED, 2, tag)
    answer(db, CommandState.ACCEPTED)
    page = operator.get(f"{place}/reservations").text
    assert "connector 2" in page and ">kept<" in page
    live = operator.get(place).text
    assert ">Kept</a> for Ada Lovelace until" in live
    done = operator.post(f"/reservations/{row.id}/cancel")
    assert done.status_code == 303
    answer(db, CommandState.ACCEPTED)
    assert "Cancelled by Otto Olsen." in operator.get("/reservations").text


def test_what_cannot_be_is_said_at_its_field(db, operator, place, tag):
    for given, sentence in (
        ({"token": "NOBODY"}, "The tag NOBODY is on no list."),
        ({"token": tag, "minutes": ""}, "Say for how many minutes."),
        ({"token": tag, "connector": "77"}, "has no connector 77."),
    ):
        refused = reserve(operator, place, **given)
        assert refused.status_code == 422
        assert sentence in refused.text
    assert db.scalars(select(Reservation)).all() == []


def test_a_connector_is_kept_from_the_list_too(db, operator, tag):
    assert 'href="/reservations/new"' in operator.get("/reservations").text
    page = operator.get("/reservations/new").text
    assert "Any connector" in page and "Connector 2" in page
    wish = {"station": "CP-03", "connector": "2", "token": tag, "minutes": "30", "plug_type": ""}
    for given, sentence in (
        ({"station": ""}, "Name a station."),
        ({"station": "CP-77"}, "CP-77"),
        ({"minutes": ""}, "Say for how many minutes."),
    ):
        refused = operator.post("/reservations/new", data=wish | given)
        assert 400 <= refused.status_code < 500 and sentence in refused.text
    assert db.scalars(select(Reservation)).all() == []
    done = operator.post("/reservations/new", data=wish | {"plug_type": "type_2_socket"})
    assert (done.status_code, done.location) == (303, "/reservations")
    row = db.scalars(select(Reservation)).one()
    assert (row.station.identity, row.evse, row.token) == ("CP-03", 2, tag)
    assert "Type 2 socket" in operator.get("/reservations").text


def test_a_viewer_is_not_offered_to_reserve(viewer):
    assert "/reservations/new" not in viewer.get("/reservations").text
    assert viewer.get("/reservations/new").status_code == 403


def test_a_kept_connector_cannot_be_reserved_again(operator, place, tag):
    reserve(operator, place, token=tag)
    again = reserve(operator, place, token=tag)
    assert again.status_code == 409
    assert "is kept for tag" in again.text


def test_the_list_is_narrowed_and_exported(db, made, operator, place, tag):
    assert "No reservation yet" in operator.get("/reservations").text
    reserve(operator, place, token=tag)
    station = made.stations["CP-03"]
    for query in ("state=open", "state=asked", f"station={station.id}", f"q={tag[:5]}"):
        assert tag in operator.get(f"/reservations?{query}").text
    page = operator.get("/reservations?state=used").text
    assert "No reservations match this filter" in page
    lines = operator.get("/reservations?format=csv").text.splitlines()
    assert lines[0].lstrip("\ufeff").startswith("id,station,connector")
    assert f",CP-03,2,,{tag},asked," in lines[1]


def test_a_viewer_looks_and_an_operator_acts(viewer, place, tag):
    page = viewer.get(f"{place}/reservations").text
    assert "needs the operator role" in page
    assert reserve(viewer, place, token=tag).status_code == 403


def test_the_list_of_a_station_shows_what_it_would_get(db, operator, place, tag):
    page = operator.get(f"{place}/local-list").text
    assert tag in page and "none yet" in page
    sent = operator.post(f"{place}/commands", data={"order": "send_local_list", "mode": "full"})
    assert sent.status_code == 303
    answer(db, CommandState.ACCEPTED, "The charger holds the list.")
    row = db.scalars(select(LocalList)).one()
    assert row.version == 1 and tag in [entry["token"] for entry in row.entries]
    page = operator.get(f"{place}/local-list").text
    assert "It is up to date" in page


def test_drift_and_stations_without_lists_are_named(db, made, viewer, place, now):
    row = LocalList(station_id=made.stations["CP-03"].id, version=3, accepted_at=now, entries=[])
    row.reported_version, row.reported_at = 9, now
    db.add(row)
    db.commit()
    page = viewer.get(f"{place}/local-list").text
    assert "The station says version 9; it took version 3 of us." in page
    row.reported_version = -1
    db.commit()
    assert "keeps no list" in viewer.get(f"{place}/local-list").text


@pytest.mark.landing
def test_a_long_list_is_put_together_once_until_a_tag_changes(db, viewer, place, made, monkeypatch):
    put_together = []
    pending = local_lists.pending

    def counted(*given):
        put_together.append(given)
        return pending(*given)

    monkeypatch.setattr(local_lists, "pending", counted)
    tenant_id, now = made.stations["CP-03"].tenant_id, datetime.now(UTC)
    for number in range(150):
        tags.add(db, SYSTEM, tenant_id, now=now, value=f"0000{number:04}")
    db.commit()
    first = viewer.get(f"{place}/local-list").text
    assert "00000099" in first and "00000100" not in first and "more added" in first
    assert viewer.get(f"{place}/local-list").text.count("<tr") == first.count("<tr")
    assert len(put_together) == 1
    tags.add(db, SYSTEM, tenant_id, now=now, value="00000000A")
    db.commit()
    assert "00000000A" in viewer.get(f"{place}/local-list").text


def test_of_a_long_list_that_a_station_holds_the_first_are_shown(db, made, viewer, place, now):
    entries = [
        {"token": f"C{number:04}", "status": "accepted", "expires_at": None, "parent": None}
        for number in range(250)
    ]
    row = LocalList(station_id=made.stations["CP-03"].id, version=3, accepted_at=now)
    row.entries = entries
    db.add(row)
    db.commit()
    page = viewer.get(f"{place}/local-list").text
    assert "250 tags" in page and "and 150 more" in page
