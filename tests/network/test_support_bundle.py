"""The support bundle: a ZIP that tells of machines and not of people, and holds no secret."""

import io
import json
import zipfile
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from sqlalchemy import select

from app.domain.ground.vocabulary import SYSTEM, Actor, Area, Order, Right
from app.domain.office import api_tokens
from app.models import (
    AuditEntry,
    Command,
    HandshakeAttempt,
    Message,
    StationReport,
    StationVariable,
)
from app.queries.network import bundle as queries
from app.web import bundle, listing
from app.web.bundle import Pseudonyms
from tests.support import seed
from tests.support.seed_log import message

#: What no bundle may hold, wherever it was planted.
SECRETS = ("hunter2secret", "c0ffeec0ffee", "opensesame99", "ada.l@example.com", "tokenfield77")


@pytest.fixture
def now():
    return seed.lately()


@pytest.fixture
def made(app, db, now):
    made = seed.fill(db, now, history=2)
    session = made.sessions["finished"]
    station = session.station
    db.add(
        StationVariable(
            station_id=station.id, key="authorizationkey", variable="AuthorizationKey",
            value="c0ffeec0ffee", reported_at=now,
        )
    )  # fmt: skip
    db.add(
        StationReport(
            station_id=station.id, kind="security", word="Reset", at=now, received_at=now,
            payload={"password": "opensesame99", "techInfo": "mail ada.l@example.com please"},
        )
    )  # fmt: skip
    db.add(
        Command(
            tenant_id=station.tenant_id, station_id=station.id, order=Order.CHANGE_SETTING,
            arguments={"key": "AuthorizationKey", "value": "hunter2secret"},
            requested_by="Otto Olsen", requested_at=now, expires_at=now,
        )
    )  # fmt: skip
    db.add(
        HandshakeAttempt(
            tenant_id=station.tenant_id, station_id=station.id, identity=station.identity,
            path=f"/ocpp/{station.identity}?token=tokenfield77", address="192.0.2.7", status=401,
            reason="password", sentence="Wrong password.", first_at=now, last_at=now,
        )
    )  # fmt: skip
    message(
        db, station.id, now, "DataTransfer",
        {"vendorId": "acme", "data": json.dumps({"idTag": session.token, "password": "•••"})},
        {"status": "Accepted"},
    )  # fmt: skip
    db.commit()
    made.at = {role: seed.signed_in(app, user) for role, user in made.people.items()}
    return made


@pytest.fixture
def session(made):
    return made.sessions["finished"]


def opened(answer):
    """The files of a bundle by name."""
    assert answer.status_code == 200, answer.text
    assert answer.mimetype == "application/zip"
    with zipfile.ZipFile(io.BytesIO(answer.data)) as archive:
        assert archive.testzip() is None
        return {name: archive.read(name).decode() for name in archive.namelist()}


def rows(files, name):
    return [json.loads(line) for line in files[f"{name}.jsonl"].splitlines()]


def cards_of(session):
    return {session.token, session.token.lower(), session.token.upper()}


def test_a_station_is_told_without_secrets_and_people(made, session):
    files = opened(made.at["operator"].get(f"/stations/{session.station_id}/support-bundle"))
    assert {"index.html", "about.json", "messages.jsonl", "settings.jsonl"} <= set(files)
    assert len(rows(files, "messages")) > 5
    assert rows(files, "attempts")[0]["sentence"] == "Wrong password."
    everything = "\n".join(files.values())
    people = [driver.name for driver in made.drivers.values() if driver.name == "Ada Lovelace"]
    for word in (*SECRETS, *cards_of(session), *people, "Otto Olsen"):
        assert word not in everything, word
    about = json.loads(files["about.json"])
    assert about["station"]["identity"] == session.station.identity
    assert about["ampdesk"] and about["tables"]


def test_people_whom_the_asker_does_not_see_are_taken_out_too(made, session, db, now):
    """Their cards stand in what the station said, though their session is elsewhere now."""
    db.add(
        StationReport(
            station_id=session.station_id, kind="security", word="Seen", at=now, received_at=now,
            payload={"techInfo": f"{session.token} held by {session.driver.name}"},
        )
    )  # fmt: skip
    viewer = made.people["operator"]
    session.site_id = next(one.id for one in made.sites.values() if one.id != session.site_id)
    viewer.sites = [session.station.site]
    db.commit()
    files = opened(made.at["operator"].get(f"/stations/{session.station_id}/support-bundle"))
    (report,) = [row for row in rows(files, "reports") if row["word"] == "Seen"]
    assert report["payload"]["techInfo"].startswith("tag-")
    assert report["payload"]["techInfo"].endswith("held by (driver)")


def test_one_card_has_one_pseudonym_everywhere(made, session):
    files = opened(made.at["operator"].get(f"/sessions/{session.id}/support-bundle"))
    (told,) = [row for row in rows(files, "sessions") if row["id"] == session.id]
    assert told["token"].startswith("tag-")
    starts = [row for row in rows(files, "messages") if row["action"] == "StartTransaction"]
    assert told["token"] in {row["request"]["idTag"] for row in starts}
    again = opened(made.at["admin"].get(f"/sessions/{session.id}/support-bundle"))
    assert told["token"] in again["sessions.jsonl"]


def test_a_session_brings_its_readings_bills_and_two_minutes_around(made, session):
    files = opened(made.at["operator"].get(f"/sessions/{session.id}/support-bundle"))
    assert rows(files, "readings")
    (bill,) = rows(files, "bills")
    assert bill["gross_minor"] and rows(files, "bill-lines")[0]["evidence"] is not None
    spans = [row["at"] for row in rows(files, "messages") if row["session_id"] is None]
    first = (session.started_at - timedelta(minutes=2)).isoformat()[:19]
    assert all(at >= first for at in spans)
    assert "Session began" in files["index.html"]


def test_the_first_page_stands_alone(made, session):
    page = opened(made.at["operator"].get(f"/stations/{session.station_id}/support-bundle"))[
        "index.html"
    ]
    assert "<script" not in page and "http" not in page.replace("http-equiv", "")
    assert 'href="messages.jsonl"' in page


def test_only_admins_hand_on_the_numbers_of_tags(made, session):
    address = f"/sessions/{session.id}/support-bundle?tags=1"
    assert made.at["operator"].get(address).status_code == 403
    files = opened(made.at["admin"].get(address))
    assert session.token in files["sessions.jsonl"]
    assert "an admin asked" in files["index.html"]


def test_viewers_hand_on_nothing(made, session):
    assert (
        made.at["viewer"].get(f"/stations/{session.station_id}/support-bundle").status_code == 403
    )


def test_who_may_not_read_bills_hands_on_none(made, session, db, now):
    station, rights = session.station, {Area.NETWORK: Right.WRITE, Area.CHARGING: Right.READ}
    actor, of = Actor("Otto", rights=rights), bundle.extent(station, session, now=now)
    names = [name for name, _, _ in queries.tables(db, of, actor.rights)]
    assert {"sessions", "readings", "statuses"} <= set(names)
    assert not {"bills", "bill-lines", "taps", "messages", "commands"} & set(names)


def test_the_audit_says_who_made_one(made, session, db):
    opened(made.at["operator"].get(f"/stations/{session.station_id}/support-bundle?days=3"))
    db.rollback()
    entry = db.scalars(select(AuditEntry).order_by(AuditEntry.id.desc())).first()
    assert (entry.action, entry.actor) == ("station.support_bundle", "Otto Olsen")
    assert entry.note == "with pseudonyms"


def test_a_bundle_of_a_year_is_refused(made, session):
    assert (
        made.at["admin"].get(f"/stations/{session.station_id}/support-bundle?days=366").status_code
        == 400
    )


def test_the_command_line_and_the_api_write_the_same(app, made, session, db, now, tmp_path):
    path = tmp_path / "bundle.zip"
    run = app.test_cli_runner().invoke(
        args=[
            "station",
            "bundle",
            session.station.identity,
            str(path),
            "--session",
            str(session.id),
        ]
    )
    assert run.exit_code == 0, run.output
    _, secret = api_tokens.issue(db, SYSTEM, made.people["operator"], name="test", now=now)
    db.commit()
    answer = app.test_client().get(
        f"/api/v1/sessions/{session.id}/support-bundle",
        headers={"Authorization": f"Bearer {secret}"},
    )
    with zipfile.ZipFile(path) as archive:
        assert set(archive.namelist()) == set(opened(answer))


def test_many_messages_are_cut_and_none_is_held(made, session, db, now):
    for number in range(1_200):
        message(db, session.station_id, now, "Heartbeat", {}, {"currentTime": str(number)})
    db.commit()
    files = opened(made.at["operator"].get(f"/stations/{session.station_id}/support-bundle"))
    held = db.scalars(select(Message.id).where(Message.station_id == session.station_id)).all()
    assert len(rows(files, "messages")) == len(held) > 1_200


@pytest.mark.parametrize("address", ["/stations/{0.station_id}", "/sessions/{0.id}"])
def test_a_bundle_that_outlives_its_request_is_whole(made, session, monkeypatch, address):
    """A server's thread hands it out: the request ends before the file does."""
    address = f"{address.format(session)}/support-bundle"
    whole = opened(made.at["operator"].get(address))
    monkeypatch.setattr(bundle, "PART", 10)
    monkeypatch.setattr(listing, "_HELD", 10)
    with ThreadPoolExecutor(1) as server:
        found = server.submit(lambda: opened(made.at["operator"].get(address))).result()
    assert rows(found, "attempts") == rows(whole, "attempts")
    assert set(found) == set(whole)


def test_a_person_in_a_sentence_is_taken_out():
    hide = Pseudonyms(b"key", {"04A2B3C4"}, {"Ada Lovelace"}, keep_cards=False)
    said = hide.text("Card 04a2b3c4 of Ada Lovelace <ada.l@example.com> was refused")
    assert said == f"Card {hide.of('04A2B3C4')} of (driver) <(e-mail)> was refused"
    hide = Pseudonyms(b"key", set(), {"Jürgen Groß", "Ali Yilmaz"}, keep_cards=False)
    assert hide.text("Jürgen Groß, JÜRGEN GROSS, ALİ YILMAZ") == "(driver), (driver), (driver)"
    nested = hide.value({"idToken": {"idToken": "EMAID77", "type": "eMAID"}})
    assert nested["idToken"]["idToken"].startswith("tag-")
    assert nested["idToken"]["type"] == "eMAID"
