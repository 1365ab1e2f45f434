"""Stations on the desk: the list, five tabs, passwords shown once, and why it is as it is."""

from datetime import timedelta
from itertools import product

import pytest
from sqlalchemy import select

from app.domain.ground.vocabulary import (
    Activity,
    Availability,
    CommandState,
    Order,
    Registration,
    StationMode,
    Verdict,
)
from app.domain.network import credentials, presence
from app.models import (
    Authorisation,
    Command,
    Connection,
    HandshakeAttempt,
    Station,
    WorkerNode,
)
from tests.support import seed
from tests.support.desk import page
from tests.support.online import made, now

__all__ = ["made", "now"]


@pytest.fixture
def form(made):
    return {
        "identity": "CP-99",
        "site_id": made.sites["Depot Nord"].id,
        "connector_count": "2",
        "plug_type": "CCS",
        "max_power_kw": "50",
        "mode": "listed",
        "security_profile": "1",
        "registration": "accepted",
        "validation": "",
        "tariff_id": "",
    }


def secret_on(answer):
    return answer.text.split('class="secret">')[1].split("<")[0]


def called(db, identity):
    db.expire_all()
    return db.scalar(select(Station).where(Station.identity == identity))


def of(made, identity, tab=""):
    return f"/stations/{made.stations[identity].id}{tab}"


def rows(text):
    return text.split("<tbody>")[1].split("</tbody>")[0] if "<tbody>" in text else ""


# The list


def test_the_list_shows_what_each_station_does_now(viewer):
    text = rows(page(viewer, "/stations"))
    assert "GroundFailure" in text
    assert "21.8\u00a0kW" in text
    assert "was free" in text, "an offline station does not show its last state as if it were now"


def test_the_list_is_narrowed_by_the_url(viewer):
    for query, shown in (
        ("q=cp-03", {"CP-03"}),
        ("state=faulted", {"CP-03"}),
        ("state=charging", {"CP-04"}),
        ("online=no", {"CP-06"}),
        ("show=deviating", {"CP-03"}),
        ("vendor=Alfen&q=City", {"CP-06"}),
        ("registration=pending", set()),
        ("mode=open", set()),
    ):
        text = rows(page(viewer, f"/stations?{query}"))
        found = {name for name in (f"CP-0{n}" for n in range(1, 7)) if f">{name}<" in text}
        assert found == shown, query


def test_the_list_sorts_both_ways(viewer):
    text = rows(page(viewer, "/stations?sort=-identity"))
    assert text.index("CP-06") < text.index("CP-01")


def test_the_csv_is_the_filter(viewer):
    lines = viewer.get("/stations?format=csv&q=CP-03").text.splitlines()
    assert len(lines) == 2
    assert "CP-03" in lines[1]


def test_an_empty_desk_says_what_to_do_next(app, db, made, operator):
    for station in made.stations.values():
        station.archived_at = made.now
    db.commit()
    assert "No stations match this filter" in page(operator, "/stations")


# Registering


def test_a_new_station_shows_its_password_on_the_setup_tab(db, operator, form):
    answer = operator.post("/stations/new", data=form)
    station = called(db, "CP-99")
    assert answer.status_code == 303
    assert answer.location == f"/stations/{station.id}/setup"
    clear = secret_on(operator.get(answer.location))
    assert credentials.matches(station.password_hash, clear.encode())
    assert [plug.max_power_w for plug in station.connectors] == [50_000, 50_000]


@pytest.mark.parametrize(
    ("field", "value", "sentence"),
    [
        ("identity", "cp-03", "registered already"),
        ("identity", "CP:3", "no colon"),
        ("site_id", "", "Choose a site."),
        ("quirk_call_timeout_s", "soon", "whole number"),
        ("password", "short", "8 to 64 characters"),
    ],
)
def test_a_refused_form_says_why_beside_the_field(operator, form, field, value, sentence):
    answer = operator.post("/stations/new", data={**form, field: value})
    assert answer.status_code == 422
    text = answer.text
    assert sentence in text
    assert f'id="{field}-error"' in text


def test_no_password_needs_networks(db, operator, form):
    given = {**form, "security_profile": "0"}
    answer = operator.post("/stations/new", data=given)
    assert 'id="quirk_allowed_networks-error"' in answer.text
    given["quirk_allowed_networks"] = "10.1.0.0/16"
    assert operator.post("/stations/new", data=given).status_code == 303
    assert called(db, "CP-99").password_hash is None


def test_a_station_is_changed(db, made, operator, form):
    address = of(made, "CP-03", "/edit")
    made.stations["CP-03"].password_hash = "set"
    db.commit()
    assert 'value="CP-03"' in page(operator, address)
    given = {**form, "identity": "CP-03", "mode": "open", "quirk_no_trigger_boot": "yes"}
    assert operator.post(address, data=given).status_code == 303
    station = called(db, "CP-03")
    assert (station.mode, station.quirks) == (StationMode.OPEN, {"no_trigger_boot": True})
    assert '<option selected value="yes">' in page(operator, address)


def test_archive_and_back(db, made, operator):
    said = operator.post(of(made, "CP-06", "/archive"), follow_redirects=True).text
    assert "Archived CP-06. It may no longer connect." in said
    assert "CP-06" not in rows(page(operator, "/stations"))
    assert "CP-06" in rows(page(operator, "/stations?show=archived"))
    assert operator.post(of(made, "CP-06", "/restore")).status_code == 303
    assert called(db, "CP-06").archived_at is None


def test_a_charging_station_is_not_put_away(db, made, operator):
    operator.post(of(made, "CP-04", "/archive"))
    assert called(db, "CP-04").archived_at is None


# The tabs


TABS = ("", "/now", "/commands", "/configuration", "/history", "/setup")


def test_every_tab_opens_for_a_viewer(made, viewer):
    for identity, tab in product(("CP-03", "CP-04", "CP-06"), TABS):
        text = page(viewer, of(made, identity, tab))
        assert (identity if tab != "/now" else 'id="station-live"') in text, (identity, tab)


def test_every_kind_of_history_opens(made, viewer):
    for kind in ("statuses", "connections", "reports", "taps", "nonsense"):
        page(viewer, of(made, "CP-03", f"/history?kind={kind}"))


def test_a_running_session_shows_power_energy_and_cost(made, viewer):
    text = page(viewer, of(made, "CP-04"))
    assert "21.8\u00a0kW" in text
    assert "€" in text.split("Cost so far")[1][:60]


def test_a_fault_is_explained_with_its_facts(made, viewer):
    text = page(viewer, of(made, "CP-03"))
    assert "Why is connector 2 faulted?" in text
    assert "Faulted since" in text
    assert "residual current device" in text


def test_an_offline_station_says_why_and_offers_nothing(made, operator):
    text = page(operator, of(made, "CP-06"))
    assert "Why is it offline?" in text
    assert "turned away" in text
    assert "nothing is kept for later" in text
    card = text.split('id="connector-1"')[1].split("</section>")[0]
    assert "was free" in card
    assert card.count("<button") == card.count("disabled>")


def test_a_dead_worker_is_named(db, made, viewer):
    for node in db.scalars(select(WorkerNode)):
        node.beat_at = made.now - presence.ALIVE
    db.commit()
    text = page(viewer, of(made, "CP-01"))
    assert "has not been heard of lately" in text


def test_a_refused_tap_is_explained(db, made, now, viewer):
    station = made.stations["CP-01"]
    db.add(
        Authorisation(
            tenant_id=station.tenant_id,
            station_id=station.id,
            token="DEADBEEF",
            occasion="authorize",
            verdict=Verdict.INVALID,
            reason="unknown_tag",
            sentence="No tag DEADBEEF is known.",
            at=now,
        )
    )
    db.commit()
    text = page(viewer, of(made, "CP-01"))
    assert "Why was the last tap refused?" in text
    assert "No tag DEADBEEF is known." in text


def test_out_of_service_is_explained_by_who_ordered_it(db, made, now, viewer):
    station = made.stations["CP-01"]
    station.connectors[0].availability = Availability.UNAVAILABLE
    order(db, station, now, Order.SET_AVAILABILITY, {"connector": 0, "available": False})
    assert "Grace Hopper took it out of service" in page(viewer, of(made, "CP-01"))


def test_a_session_that_lingers_at_a_free_plug_is_explained(db, made, now, viewer):
    plug = made.stations["CP-04"].connectors[0]
    plug.availability, plug.activity, plug.status_at = Availability.AVAILABLE, Activity.NONE, now
    db.commit()
    text = page(viewer, of(made, "CP-04"))
    assert "still open?" in text
    card = text.split('id="connector-1"')[1].split("</section>")[0]
    assert "21.8" not in card, "a free plug draws nothing"


def test_a_restart_explains_a_lost_connection(db, made, now, viewer):
    station = made.stations["CP-01"]
    db.get(Connection, station.connection_id).closed_at = now
    station.connection_id = None
    asked = now - timedelta(seconds=5)
    order(db, station, asked, Order.RESET, {"kind": "soft"})
    assert "Grace Hopper had asked for a soft reset" in page(viewer, of(made, "CP-01"))


def test_pending_and_closed_are_explained(db, made, viewer):
    made.stations["CP-01"].registration = Registration.PENDING
    made.stations["CP-01"].mode = StationMode.CLOSED
    db.commit()
    text = page(viewer, of(made, "CP-01"))
    assert "Why does it not charge?" in text
    assert "Why can nobody start here?" in text


def order(db, station, at, order, arguments, **given):
    db.add(
        Command(
            tenant_id=station.tenant_id,
            station_id=station.id,
            order=order,
            arguments=arguments,
            **{
                "state": CommandState.ACCEPTED,
                "requested_by": "Grace Hopper",
                "requested_at": at,
                "expires_at": at,
                "settled_at": at,
                **given,
            },
        )
    )
    db.commit()


# Setup


def test_every_attempt_is_shown_with_its_fix(made, viewer):
    text = page(viewer, of(made, "CP-06", "/setup"))
    assert "Attempts to connect" in text
    assert "203.0.113.7" in text
    assert "Type the password again" in text


def test_an_attempt_under_the_identity_in_another_case_counts(db, made, now, viewer):
    db.add(
        HandshakeAttempt(
            identity="cp-06",
            path="/ocpp/cp-06",
            address="198.51.100.99",
            status=404,
            reason="unknown_identity",
            sentence="No charger with this identity is registered.",
            first_at=now,
            last_at=now,
        )
    )
    db.commit()
    assert "198.51.100.99" in page(viewer, of(made, "CP-06", "/setup"))


def test_a_new_password_is_shown_on_the_setup_tab(db, made, operator):
    address = of(made, "CP-03", "/password")
    answer = operator.post(address, data={"password": ""})
    assert answer.status_code == 303
    clear = secret_on(operator.get(answer.location))
    assert credentials.matches(called(db, "CP-03").password_hash, clear.encode())
    assert operator.get(address).status_code == 405


def test_a_chosen_password_is_not_shown_at_all(db, made, operator):
    answer = operator.post(of(made, "CP-03", "/password"), data={"password": "a chosen secret"})
    assert answer.status_code == 303
    assert "a chosen secret" not in page(operator, answer.location)
    assert credentials.matches(called(db, "CP-03").password_hash, b"a chosen secret")
    assert operator.post(of(made, "CP-03", "/password"), data={"password": "x"}).status_code == 422


def test_registration_is_changed(db, made, operator):
    address = of(made, "CP-03", "/registration")
    assert operator.post(address, data={"registration": "pending"}).status_code == 303
    assert called(db, "CP-03").registration is Registration.PENDING
    assert operator.post(address, data={"registration": "perhaps"}).status_code == 400


# Who may


def test_a_viewer_changes_nothing(made, viewer):
    for tail in ("/archive", "/restore", "/password", "/registration", "/commands"):
        assert viewer.post(of(made, "CP-03", tail)).status_code == 403, tail


def test_a_viewer_sees_no_buttons_that_change(made, viewer):
    text = page(viewer, of(made, "CP-03"))
    assert "Hard reset" not in text
    assert ">Unlock<" not in text


def test_a_station_of_another_reach_is_not_found(app, db, made):
    person = made.people["operator"]
    person.sites.append(made.sites["City Garage"])
    db.commit()
    client = seed.signed_in(app, person)
    addresses = [(of(made, "CP-06", tab), of(made, "CP-03", tab)) for tab in TABS]
    for near, far in addresses:
        # The test shares its session with the request: what it has loaded must not count.
        db.expunge_all()
        assert client.get(near).status_code == 200, near
        assert client.get(far).status_code == 404, far


def test_what_a_charger_says_of_itself_is_only_text(db, made, viewer):
    evil = "<svg/onload=alert(1)>"
    station = made.stations["CP-03"]
    station.vendor = station.model = station.firmware = station.serial = evil
    plug = station.connectors[1]
    plug.error_code = plug.vendor_error = plug.info = evil
    db.commit()
    for address in ("/stations", of(made, "CP-03"), of(made, "CP-03", "/history"), "/sites/1"):
        assert evil not in page(viewer, address)


def test_connections_are_listed_with_why_they_ended(db, made, now, viewer):
    db.add(
        Connection(
            station_id=made.stations["CP-03"].id,
            node="worker-a",
            address="192.0.2.9",
            opened_at=now - timedelta(hours=9),
            closed_at=now - timedelta(hours=8),
            close_code=1006,
            close_reason="nothing was heard of it",
        )
    )
    db.commit()
    text = rows(page(viewer, of(made, "CP-03", "/history?kind=connections")))
    assert "1006 nothing was heard of it" in text
