"""A driver's month: its sums are those of the bills, to the cent, and nobody gets it twice."""

import io
import random
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from pypdf import PdfReader
from sqlalchemy import func, select

from app.domain.ground.errors import Conflict, Invalid
from app.domain.ground.vocabulary import Actor, Role
from app.domain.money import billing, statements
from app.extensions import db as flask_db
from app.models import Bill, Driver, DriverStatement, OutgoingMail, Tenant, User
from app.text import receipt_pdf, statement_words
from app.uow import unit_of_work
from app.views.access import drivers
from tests.support import lone, seed
from tests.support.charging import network

GRACE = Actor("Grace")
OCTOBER = date(2026, 10, 1)
NOON = datetime(2026, 10, 15, 12, tzinfo=UTC)


@pytest.fixture
def net(any_app):
    """A driver who reads German, at a site in Berlin."""
    with unit_of_work() as db:
        made = network(db, language="de")
    made.db = flask_db.session()
    return made


def bill(net, at, **given):
    """A bill that was issued at a moment, of a session that ended then."""
    with unit_of_work() as db:
        net.db = db
        session = net.session(started_at=at - timedelta(hours=2), **given)
        return lone.issue(db, session.id, now=at).id


def statement(net, first=OCTOBER):
    db = flask_db.session()
    db.rollback()
    return statements.of(db, db.get_one(Driver, net.driver.id), first)


@pytest.mark.parametrize("chance", range(4))
def test_sums_are_those_of_the_bills_to_the_cent_in_whichever_month(net, chance, monkeypatch):
    luck = random.Random(chance)
    monkeypatch.setattr(statements, "_LOOKED_AT", chance + 1)
    for _ in range(8):
        at = NOON + timedelta(hours=luck.randrange(-1000, 1000))
        minutes = luck.randrange(20, 110)
        number = bill(net, at, wh=luck.randrange(200, minutes * 150), minutes=minutes)
        if luck.random() < 0.5:
            with unit_of_work() as db:
                session = db.get_one(Bill, number).session
                later = at + timedelta(hours=luck.randrange(1, 500))
                energy = Decimal(luck.randrange(0, 50_000))
                billing.correct(db, GRACE, session, reason="r", now=later, energy_wh=energy)
    db = flask_db.session()
    driver = db.get_one(Driver, net.driver.id)
    found = [statements.of(db, driver, first) for first in statements.months(db, driver, 12)]
    numbers = [each.number for one in found for each in one.bills]
    assert sorted(numbers) == sorted(db.scalars(select(Bill.number)))
    columns = (Bill.net_minor, Bill.tax_minor, Bill.gross_minor, Bill.energy_wh)
    wanted = tuple(db.execute(select(*map(func.sum, columns))).one())
    sums = [each for one in found for each in one.sums]
    own = [(one.net_minor, one.tax_minor, one.gross_minor, one.energy_wh) for one in sums]
    assert tuple(sum(part) for part in zip(*own, strict=True)) == wanted
    assert all(one.net_minor + one.tax_minor == one.gross_minor for one in sums)


def test_a_bill_belongs_to_the_month_on_the_clock_of_its_site(net):
    bill(net, datetime(2026, 9, 30, 21, 59, tzinfo=UTC))  # 23:59 in Berlin
    inside = bill(net, datetime(2026, 9, 30, 22, 1, tzinfo=UTC))
    bill(net, datetime(2026, 10, 31, 23, 1, tzinfo=UTC))
    assert [each.id for each in statement(net).bills] == [inside]
    months = [date(2026, 11, 1), OCTOBER, date(2026, 9, 1)]
    assert statements.months(flask_db.session(), net.driver, 12) == months


def test_the_mail_says_each_bill_and_the_sums_in_the_drivers_language(net):
    bill(net, NOON)
    letter = statement_words.letter(statement(net))
    assert letter.subject == "Abrechnung Oktober 2026"
    for text in (
        "Guten Tag Ada Lovelace,",
        "Beleg 2026-000001: 5,36\xa0€",
        "netto 4,50\xa0€, Steuer 0,86\xa0€",
        "Summe: 5,36\xa0€",
        "http://localhost:8000/r/",
    ):
        assert text in letter.text, text


def test_it_is_written_on_paper_the_same_each_time(net):
    with unit_of_work() as db:
        seller = db.get_one(Tenant, net.site.tenant_id)
        seller.seller_name, seller.seller_tax_number = "Hafenstrom", "DE123"
    bill(net, NOON)
    made = statement(net)
    data = receipt_pdf.statement(made, "de")
    assert data == receipt_pdf.statement(made, "de")
    text = PdfReader(io.BytesIO(data)).pages[0].extract_text()
    for word in (
        "Abrechnung Oktober 2026",
        "Ada Lovelace",
        "2026-000001",
        "5,36",
        "Steuernummer: DE123",
    ):
        assert word in text


def mail(net, first=OCTOBER):
    with unit_of_work() as db:
        driver = db.get_one(Driver, net.driver.id)
        statements.mail(db, GRACE, driver, first, statement_words.letter, now=NOON)


def test_a_statement_is_mailed_on_request_and_noted(net):
    with pytest.raises(Conflict):
        mail(net)
    bill(net, NOON)
    mail(net)
    mail(net)
    db = flask_db.session()
    assert db.scalar(select(func.count(OutgoingMail.id))) == 2
    assert [row.month for row in db.scalars(select(DriverStatement))] == ["2026-10"]


def wish(net, **columns):
    with unit_of_work() as db:
        for name, value in columns.items():
            setattr(db.get_one(Driver, net.driver.id), name, value)


def due(at):
    flask_db.session().rollback()
    first, found = statements.due(flask_db.session(), now=at)
    return (f"{first:%Y-%m}", [flask_db.session().get_one(Driver, one).name for one in found])


FIRST = datetime(2026, 11, 1, tzinfo=UTC)


def test_who_wants_it_gets_it_once_when_the_month_is_over_everywhere(net):
    bill(net, NOON)
    assert due(FIRST + timedelta(hours=13)) == ("2026-10", [])
    wish(net, statements=True)
    assert due(FIRST + timedelta(hours=11))[1] == []
    assert due(FIRST + timedelta(hours=13)) == ("2026-10", ["Ada Lovelace"])
    assert due(FIRST + timedelta(days=9))[1] == []
    mail(net)
    assert due(FIRST + timedelta(hours=13))[1] == []


def test_two_rounds_that_find_the_same_mail_it_once(net):
    bill(net, NOON)
    wish(net, statements=True)
    with unit_of_work() as db:
        first, found = statements.due(db, now=FIRST + timedelta(hours=13))
        numbers = list(found)
    for number in numbers * 2:
        with unit_of_work() as db:
            statements.mail_due(db, number, first, statement_words.letter, now=NOON)
    assert flask_db.session().query(OutgoingMail).count() == 1


def test_drivers_without_a_bill_in_the_month_keep_nobody_waiting(net, monkeypatch):
    """Their bills are of the first hours of the next one: they are looked at each time."""
    monkeypatch.setattr(statements, "_PIECE", 1)
    bill(net, FIRST + timedelta(hours=1))
    wish(net, statements=True)
    with unit_of_work() as db:
        given = {"email": "grace@example.org", "email_key": "grace@example.org", "statements": True}
        grace = Driver(
            tenant_id=net.site.tenant_id, name="Grace Hopper", created_at=NOON, **given
        )  # fmt: skip
        db.add(grace)
        db.flush()
        number = grace.id
    bill(net, NOON, driver_id=number)
    assert due(FIRST + timedelta(hours=13))[1] == ["Grace Hopper"]


@pytest.mark.parametrize("columns", [{"email": None}, {"archived_at": NOON}])
def test_nothing_is_mailed_to_who_has_no_address_or_has_left(net, columns):
    bill(net, NOON)
    wish(net, statements=True, **columns)
    assert due(FIRST + timedelta(hours=13))[1] == []


def test_a_month_without_bills_is_not_mailed(net):
    bill(net, NOON - timedelta(days=40))
    bill(net, FIRST + timedelta(hours=1))
    wish(net, statements=True)
    assert due(FIRST + timedelta(hours=13))[1] == []


@pytest.mark.parametrize("text", ["2026-13", "2026-1", "26-10", "2026-10-01", "²026-10", ""])
def test_what_is_no_month_is_refused(text):
    with pytest.raises(Invalid):
        statements.read_month(text)


@pytest.fixture
def desk(any_app, net):
    with unit_of_work() as db:
        user = User(
            tenant_id=net.site.tenant_id, email="g@x.y", email_key="g@x.y", name="Grace",
            role=Role.OPERATOR, created_at=NOON,
        )  # fmt: skip
        db.add(user)
    return seed.signed_in(any_app, flask_db.session().scalars(select(User)).one())


def test_the_desk_shows_the_month_and_hands_it_out(desk, net):
    bill(net, NOON)
    path = f"/drivers/{net.driver.id}/statements/2026-10"
    page = desk.get(path).text
    assert "2026-000001" in page
    assert path in desk.get(f"/drivers/{net.driver.id}").text
    table = desk.get(f"{path}?format=csv").text.splitlines()
    assert table[1].startswith("2026-000001,bill,")
    assert table[1].endswith("EUR,450,86,536")
    assert desk.get(f"{path}/statement.pdf").data.startswith(b"%PDF")
    assert desk.post(f"{path}/mail").status_code == 303
    assert flask_db.session().scalar(select(OutgoingMail.recipient)) == "ada@example.org"
    assert desk.get(f"/drivers/{net.driver.id}/statements/2026-99").status_code == 404


def test_a_page_of_very_many_bills_shows_the_first_and_sums_all(desk, net, monkeypatch):
    monkeypatch.setattr(drivers, "SHOWN", 1)
    for hours in range(2):
        bill(net, NOON + timedelta(hours=hours))
    path = f"/drivers/{net.driver.id}/statements/2026-10"
    page = desk.get(path).text
    assert "2026-000001" in page and "2026-000002" not in page
    assert "These are the first 1 of 2; the files have all of them." in page
    assert f"{2 * 5.36:.2f}" in page
    assert len(desk.get(f"{path}?format=csv").text.splitlines()) == 3
