"""Forgetting a driver: what names the person is gone from all tables, the money verifies."""

import functools
import io
import json
import zipfile
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import event, select, text, update
from sqlalchemy.exc import DBAPIError

from app.domain.access import drivers, forgetting, tags
from app.domain.access.pseudonyms import Pseudonyms
from app.domain.ground.errors import Conflict, Invalid
from app.domain.ground.vocabulary import Actor, Order, Role, SessionState
from app.domain.money import billing, questions, receipts
from app.domain.office import messages, outbox
from app.extensions import db as flask_db
from app.mails import mail
from app.models import (
    AuditEntry,
    Authorisation,
    Base,
    Bill,
    ChargingSession,
    Command,
    CustomerReport,
    Driver,
    Forgetting,
    Message,
    OutgoingMail,
    Receipt,
    Reservation,
    StrayStop,
    Tag,
    TransactionEvent,
    User,
)
from app.queries.access.person import KINDS
from app.text import letters
from app.uow import unit_of_work
from app.web import person_file
from tests.support import lone, seed
from tests.support.chance import texts
from tests.support.charging import STARTED, network

GRACE = Actor("Grace")
LATER = STARTED + timedelta(hours=3)
NAME, EMAIL, CARD, BARE = "Ada Lovelace", "ada@example.org", "04:A2:19:B0", "04A219B0"
#: Where a tag's number stays, as `forgetting.KEPT` says: evidence of bills.
EVIDENCE = {
    ("charging_sessions", "token"),
    ("session_revisions", "token"),
    ("transaction_events", "token"),
    ("transaction_events", "payload"),
}


@pytest.fixture
def person(any_app):
    """A driver of whom every table that can tell something does; returns their id."""
    with unit_of_work() as db:
        net = network(db, note="Rides a red bike")
        ada = net.driver
        tag = tags.add(
            db, GRACE, net.site.tenant_id, now=STARTED, value=CARD, label="red", driver_id=ada.id
        )
        drivers.edit(db, GRACE, ada, now=STARTED, note="Ada Lovelace rides a blue bike")
        billed, free = net.session(tag_id=tag.id, stop_token=CARD), net.session(tag_id=tag.id)
        free.billing = "waived"
        for session in (billed, free):
            _event(db, session)
        bill = lone.issue(db, billed.id, now=LATER)
        _sent(db, bill)
        asked = questions.ask(db, bill, "Why, asks Ada Lovelace?", desk_url="", now=LATER)
        questions.answer(db, GRACE, asked, "So.", say=str, link="", now=LATER)
        _elsewhere(db, net, tag, billed)
        return ada.id


def _event(db, session):
    payload = {"idToken": {"idToken": CARD.lower(), "type": "ISO14443"}}
    db.add(
        TransactionEvent(
            station_id=session.station_id, transaction_ref=session.transaction_ref,
            session_id=session.id, kind="started", seq_no=0, trigger="Authorized", token=CARD,
            at=STARTED, received_at=STARTED, payload=payload, digest=f"d{session.id}",
            answer={"idTokenInfo": {"groupIdToken": {"idToken": CARD}}},
        )
    )  # fmt: skip
    db.flush()


def _sent(db, bill):
    receipts.claim(db, bill.receipt.id, domain="x.y", now=LATER)
    row = db.get_one(type(bill.receipt), bill.receipt.id)
    outbox.settle(db, receipts.KIND, row, "sent", f"to {EMAIL}: 250 OK", now=LATER)


def _elsewhere(db, net, tag, session):
    tenant, station = net.site.tenant_id, net.station
    ocpp = json.dumps({"connectorId": 1, "idTag": CARD})
    own = {"station_id": station.id}
    db.add_all([
        Authorisation(
            tenant_id=tenant, **own, token=CARD.lower(), tag_id=tag.id, occasion="authorize",
            verdict="accepted", reason="ok", sentence=f"{CARD} of {NAME}", facts={"t": CARD},
            at=STARTED,
        ),
        Reservation(
            tenant_id=tenant, **own, token=CARD, tag_id=tag.id, state="used", expires_at=STARTED,
            created_by="Grace", created_at=STARTED,
        ),
        Command(
            tenant_id=tenant, **own, order=Order.START_CHARGING, arguments={"token": CARD},
            request=json.loads(ocpp), state="accepted", requested_by="Grace",
            requested_at=STARTED, expires_at=STARTED, session_id=session.id,
        ),
        Message(
            **own, session_id=session.id, action="StartTransaction", request=ocpp,
            response=json.dumps({"idTagInfo": {"parentIdTag": BARE}}), at=STARTED,
        ),
        Message(**own, action="Authorize", request=ocpp + "broken", at=STARTED),
        StrayStop(
            **own, transaction_ref="9", token=CARD, ended_at=STARTED, received_at=STARTED,
            payload={"idTag": CARD}, digest="x",
        ),
        CustomerReport(**own, about=f"tag {CARD}", text=f"{NAME}, {EMAIL}", received_at=STARTED),
        OutgoingMail(recipient=EMAIL, subject=f"For {NAME}", body="Hello", created_at=STARTED),
    ])  # fmt: skip
    db.flush()


def forget(driver_id, name=NAME):
    """Forget, and look through all long tables."""
    with unit_of_work() as db:
        row = forgetting.forget(db, GRACE, db.get_one(Driver, driver_id), name=name, now=LATER)
        number = row.id
    more = True
    while more:
        with unit_of_work() as db:
            more = forgetting.go_on(db, number, now=LATER)


def found(*words):
    """Where in the whole database one of these is written."""
    db = flask_db.session()
    db.rollback()
    places = set()
    for table in Base.metadata.sorted_tables:
        for row in db.execute(table.select()).mappings():
            for column, value in row.items():
                told = json.dumps(value, default=str, ensure_ascii=False).casefold()
                if any(word.casefold() in told for word in words):
                    places.add((table.name, column))
    return places


def test_the_person_was_written_in_many_places(person):
    assert len({table for table, _ in found(NAME, EMAIL, CARD, BARE)}) > 12


def test_after_forgetting_name_and_address_are_nowhere_and_the_tag_where_it_is_evidence(person):
    forget(person)
    assert found(NAME, EMAIL, "bike", "lovelace") == set()
    assert found(CARD, BARE) <= EVIDENCE


def test_sums_numbers_and_digests_are_as_they_were(person):
    db = flask_db.session()
    tenant_id = db.get_one(Driver, person).tenant_id

    def money():
        db.rollback()
        return [tuple(row) for row in db.execute(select(*Bill.__table__.c).order_by(Bill.id))]

    before = money()
    forget(person)
    assert money() == before
    assert not billing.verify(db, tenant_id).faults


def test_of_an_entry_in_the_audit_only_what_names_the_person_changes(person):
    db = flask_db.session()
    columns = (AuditEntry.id, AuditEntry.at, AuditEntry.actor, AuditEntry.action)
    before = db.execute(select(*columns).order_by(AuditEntry.id)).all()
    forget(person)
    db.rollback()
    after = db.execute(select(*columns).order_by(AuditEntry.id)).all()
    assert after[: len(before)] == before
    new = [action for _, _, _, action in after[len(before) :]]
    assert new == ["tag.archive", "driver.forget"]


def test_the_audit_stays_as_it_is_when_nobody_is_being_forgotten(person):
    forget(person)
    with pytest.raises(DBAPIError, match="only ever added"), unit_of_work() as db:
        db.execute(update(AuditEntry.__table__).values(subject="x"))


@pytest.mark.parametrize("change", ["actor = 'x'", "action = 'x'", "subject_id = 7"])
def test_who_did_what_to_which_row_stays_even_then(person, change):
    with pytest.raises(DBAPIError, match="only ever added"), unit_of_work() as db:
        driver = db.get_one(Driver, person)
        db.add(
            Forgetting(
                tenant_id=driver.tenant_id, driver_id=person, pseudonym="x", words={}, places={},
                asked_by="x", asked_at=LATER,
            )
        )  # fmt: skip
        db.flush()
        db.execute(text("UPDATE audit_entries SET subject = 'x'"))
        db.execute(text(f"UPDATE audit_entries SET {change}"))


@pytest.mark.parametrize(
    "statement", ["DELETE FROM forgettings", "UPDATE forgettings SET names_gone_at = NULL"]
)
def test_that_somebody_was_forgotten_is_not_forgotten(person, statement):
    forget(person)
    with pytest.raises(DBAPIError, match="stays forgotten"), unit_of_work() as db:
        db.execute(text(statement))


def test_it_is_asked_twice_and_done_once(person):
    with pytest.raises(Invalid):
        forget(person, name="Ada")
    forget(person)
    driver = flask_db.session().get_one(Driver, person)
    with pytest.raises(Conflict):
        forget(person, name=driver.name)
    with pytest.raises(Conflict), unit_of_work() as db:
        drivers.restore(db, GRACE, db.get_one(Driver, person), now=LATER)
    with pytest.raises(Conflict), unit_of_work() as db:
        drivers.edit(db, GRACE, db.get_one(Driver, person), now=LATER, name=NAME)
    tag = flask_db.session().scalars(select(Tag)).one()
    assert tag.archived_at is not None
    assert tag.value.startswith("former-")


@pytest.mark.parametrize(
    "state", [{"state": SessionState.CHARGING}, {"billing": "open"}, {"billing": "held"}]
)
def test_nobody_is_forgotten_while_money_is_under_way(person, state):
    with unit_of_work() as db:
        db.execute(update(ChargingSession.__table__).where(
            ChargingSession.__table__.c.id == select(Bill.session_id).scalar_subquery()
        ).values(**state))  # fmt: skip
    with pytest.raises(Conflict):
        forget(person)


def test_the_link_of_a_receipt_ends_with_its_driver(any_app, person):
    db = flask_db.session()
    bill = db.scalars(select(Bill)).one()
    link = letters.link(bill).removeprefix("http://localhost:8000")
    forget(person)
    assert any_app.test_client().get(link).status_code == 404


@pytest.fixture
def admin(any_app, person):
    with unit_of_work() as db:
        user = User(
            tenant_id=db.get_one(Driver, person).tenant_id, email="g@x.y", email_key="g@x.y",
            name="Grace Hopper", role=Role.ADMIN, created_at=datetime.now(UTC),
        )  # fmt: skip
        db.add(user)
    return seed.signed_in(any_app, flask_db.session().scalars(select(User)).one())


def test_the_page_counts_what_the_file_holds(admin, person):
    page = admin.get(f"/drivers/{person}/rights").text
    assert "Questions about receipts" in page
    answer = admin.get(f"/drivers/{person}/rights/file")
    archive = zipfile.ZipFile(io.BytesIO(answer.get_data()))
    held = {name: archive.read(name).decode() for name in archive.namelist()}
    assert "Ada Lovelace" in held["index.html"]
    assert json.loads(held["driver.json"])[0]["email"] == EMAIL
    assert len(json.loads(held["sessions.json"])) == 2
    assert json.loads(held["bills.json"])[0]["gross_minor"] > 0
    assert [row["text"] for row in json.loads(held["questions.json"])]
    assert "Grace" not in held["index.html"]
    entry = flask_db.session().scalars(select(AuditEntry).order_by(AuditEntry.id.desc())).first()
    assert entry.action == "driver.export"


def test_the_page_of_the_file_shows_the_newest_and_says_which_file_has_them_all(
    admin, person, monkeypatch
):
    monkeypatch.setattr(person_file, "SHOWN", 1)
    asked = []
    note = functools.partial(note_statement, asked)
    event.listen(flask_db.engine, "before_cursor_execute", note)
    answer = admin.get(f"/drivers/{person}/rights/file")
    archive = zipfile.ZipFile(io.BytesIO(answer.get_data()))
    event.remove(flask_db.engine, "before_cursor_execute", note)
    page = archive.read("index.html").decode()
    assert "sessions.json has them all" in page
    assert "receipts.json has them all" not in page
    assert len(json.loads(archive.read("sessions.json"))) == 2
    # What fits on the page is read once; whose file it is, not anew for each kind.
    assert sum(" FROM receipts WHERE" in statement for statement in asked) == 1
    assert sum(" FROM drivers WHERE drivers.id" in statement for statement in asked) < len(KINDS)


def note_statement(asked, connection, cursor, statement, *_):
    asked.append(" ".join(statement.split()))


def test_mails_in_files_go_with_their_driver_and_no_others(any_app, person):
    folder = any_app.config["SETTINGS"].data_dir / "mail"
    folder.mkdir()
    db = flask_db.session()
    receipt = db.scalars(select(Receipt)).one()
    for name, to in (
        ("20260302T090000-statement", f"Ada Lovelace <{EMAIL.upper()}>"),
        (f"20260302T090000-{receipt.message_id.replace('@', '-')}", "old@example.org"),
        ("20260302T090000-another", f"l{EMAIL}"),
    ):
        (folder / f"{name}.eml").write_text(f"To: {to}\nSubject: Hello\n\nDear reader\n")
    with unit_of_work() as work:
        work.get_one(Receipt, receipt.id).bill.session.driver_id = None  # It was told anew.
        work.flush()
        driver = work.get_one(Driver, person)
        number = forgetting.forget(work, GRACE, driver, name=NAME, now=LATER).id
    assert mail.remove_mails_of(flask_db.session(), any_app.config["SETTINGS"], number) == 2
    assert [path.stem for path in folder.iterdir()] == ["20260302T090000-another"]


def test_the_desk_forgets_whose_name_is_typed(admin, person):
    admin.post(f"/drivers/{person}/rights/forget", data={"name": "Eve"})
    assert found(NAME)
    admin.post(f"/drivers/{person}/rights/forget", data={"name": NAME})
    assert not found(NAME)
    page = admin.get(f"/drivers/{person}/rights").text
    assert "Forgotten by Grace Hopper" in page


WORDS = {"Ada Lovelace": "P", "1234": "T", "04A219B0": "U"}


def test_a_short_tag_goes_only_where_a_tag_stands():
    swap = Pseudonyms(WORDS)
    assert swap.value({"idTag": "1234", "value": 1234, "power": "1234"}) == {
        "idTag": "T", "value": 1234, "power": "1234",
    }  # fmt: skip
    assert swap.text('{"idTag":"1234","meter":"1234"}') == '{"idTag": "T", "meter": "1234"}'
    assert swap.text("1234 W") == "1234 W"
    repaired = messages.repaired('[2,"1","Authorize",{"idTag":"1234",}]', '{"idTag":"1234"}')
    assert swap.text(repaired) == '{"idTag": "T"}'
    assert swap.text("ADA LOVELACE's") == "P's"
    assert swap.text("x04a219b0") == "x04a219b0"


@pytest.mark.parametrize(
    ("name", "written"),
    [
        ("Jürgen Groß", "Jürgen Groß"),
        ("Jürgen Groß", "JÜRGEN GROSS"),
        ("Jürgen Groß", "Ju\u0308rgen Groß"),
        ("Özge Işık", "özge ışık"),
        ("Ali Yilmaz", "ALİ YILMAZ"),
        ("Иван Петров", "ИВАН ПЕТРОВ"),
    ],
)
def test_a_name_of_letters_beyond_a_to_z_goes_however_it_is_written(name, written):
    assert Pseudonyms({name: "P"}).text(f"Asked {written} twice") == "Asked P twice"
    assert Pseudonyms({name: "P"}).value({written: [f"{written}'s"]}) == {"P": ["P's"]}


def test_a_driver_of_letters_beyond_a_to_z_is_forgotten_in_texts_and_json(any_app):
    with unit_of_work() as db:
        net = network(db)
        net.driver.name = "Jürgen Groß"
        told = {"about": "Spoke to jürgen groß", "to": "JÜRGEN GROSS"}
        own = {"tenant_id": net.site.tenant_id, "actor": "Grace", "at": STARTED, "subject_id": 1}
        db.add(
            AuditEntry(
                **own, action="station.edit", subject_kind="Station", subject="JÜRGEN GROSS",
                note="Jürgen Groß was here", before=told, after=None,
            )
        )  # fmt: skip
        db.flush()
        forgetting.forget(db, GRACE, net.driver, name="Jürgen Groß", now=LATER)
    assert found("Groß") == set()


@pytest.mark.landing
@given(
    st.recursive(
        texts(max_size=8) | st.integers() | st.none(),
        lambda some: st.lists(some, max_size=3) | st.dictionaries(texts(), some),
    )
)
def test_whatever_names_nobody_stays_as_it_is(value):
    assert Pseudonyms({"Ada Lovelace": "P"}).value(value) == value


def test_audit_of_the_driver_keeps_when_and_what_but_no_text(person):
    forget(person)
    entries = (
        flask_db.session()
        .scalars(select(AuditEntry).where(AuditEntry.action == "driver.edit"))
        .all()
    )
    assert [entry.after["note"] for entry in entries] == [forgetting.REMOVED]
