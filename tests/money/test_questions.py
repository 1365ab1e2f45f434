"""A driver asks about a receipt on its page, and is answered by mail from the desk."""

import re
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select

from app.domain.ground.errors import Conflict, Invalid
from app.domain.ground.vocabulary import Actor, Role
from app.domain.money import questions
from app.domain.network import tenants
from app.models import AuditEntry, DriverQuestion, OutgoingMail, Tenant, User
from app.queries.office import attention_money
from app.text import letters
from app.text.writers import Writer
from tests.support import lone, seed
from tests.support.charging import network
from tests.support.fixtures import SQLITE_BY_DAY

pytestmark = pytest.mark.parametrize("database", SQLITE_BY_DAY)

GRACE = Actor("Grace Hopper")


@pytest.fixture
def bill(any_app, any_db):
    """The bill of a German driver, of a seller whose contact holds an address."""
    net = network(any_db, language="de")
    tenants.edit(
        any_db, GRACE, any_db.get_one(Tenant, net.site.tenant_id), now=datetime.now(UTC),
        seller_name="Volt", seller_contact="Phone 030 1, bills@volt.example (daily)",
    )  # fmt: skip
    session = net.session(started_at=datetime.now(UTC) - timedelta(hours=2))
    made = lone.issue(any_db, session.id, now=datetime.now(UTC))
    any_db.commit()
    return made


@pytest.fixture
def any_db(any_app):
    from app.extensions import db as flask_db

    return flask_db.session()


def post(app, bill, **form):
    path = letters.link(bill).removeprefix("http://localhost:8000")
    return app.test_client().post(f"{path}/question", data=form)


def asked(db):
    db.rollback()
    return db.scalars(select(DriverQuestion).order_by(DriverQuestion.id)).all()


def mails(db):
    return db.scalars(select(OutgoingMail).order_by(OutgoingMail.id)).all()


def test_a_question_is_kept_and_goes_to_the_sellers_address(any_app, any_db, bill):
    answer = post(any_app, bill, text="Warum 0,40 €?\r\nDanke\x07!")
    assert answer.status_code == 303
    (question,) = asked(any_db)
    assert question.text == "Warum 0,40 €?\nDanke!"
    assert (question.recipient, question.language) == ("ada@example.org", "de")
    (mail,) = mails(any_db)
    assert mail.recipient == "bills@volt.example"
    assert f"Ada Lovelace <ada@example.org> asks about receipt {bill.number}" in mail.body
    assert f"/bills/{bill.id}#questions" in mail.body
    (finding,) = attention_money.questions(any_db)
    assert finding.facts == {"count": 1, "bill_id": bill.id}


def test_nobody_can_ask_in_another_name_or_for_another_address(any_app, any_db, bill):
    post(any_app, bill, text="?", name="Eve", email="eve@example.org", recipient="eve@example.org")
    assert [each.recipient for each in asked(any_db)] == ["ada@example.org"]


@pytest.mark.parametrize(
    ("form", "status", "kept"),
    [
        ({"text": " \r\n "}, 422, 0),
        ({"text": "x" * 2001}, 422, 0),
        ({"text": "x" * 2000}, 303, 1),
        ({"text": "buy", "website": "https://spam.example"}, 303, 0),
        ({}, 422, 0),
    ],
)
def test_what_is_no_question_is_not_kept(any_app, any_db, bill, form, status, kept):
    answer = post(any_app, bill, **form)
    assert answer.status_code == status
    assert len(asked(any_db)) == kept
    if status == 422:
        assert "Bitte schreiben Sie" in answer.text


def test_no_more_than_three_of_a_bill_wait(any_app, any_db, bill):
    now, url = datetime.now(UTC), "http://desk"
    for _ in range(questions.MOST_WAITING):
        first = questions.ask(any_db, bill, "?", desk_url=url, now=now)
    with pytest.raises(Conflict):
        questions.ask(any_db, bill, "?", desk_url=url, now=now)
    questions.close(any_db, GRACE, first, now=now)
    questions.ask(any_db, bill, "?", desk_url=url, now=now)


def test_a_bill_without_any_address_takes_no_questions(any_app, any_db, bill):
    bill.session.driver.email = bill.receipt.recipient = None
    assert not questions.may_ask(bill)
    with pytest.raises(Conflict):
        questions.ask(any_db, bill, "?", desk_url="", now=datetime.now(UTC))


def test_an_answer_is_a_mail_in_the_drivers_language_and_closes_the_question(any_db, bill):
    now = datetime.now(UTC)
    question = questions.ask(any_db, bill, "Warum?\nWirklich?", desk_url="", now=now)
    given = {"say": Writer("de", "UTC").translate, "link": "https://x/r/1", "now": now}
    with pytest.raises(Invalid):
        questions.answer(any_db, GRACE, question, " ", **given)
    questions.answer(any_db, GRACE, question, "Der Tarif gilt.", **given)
    mail = mails(any_db)[-1]
    assert mail.recipient == "ada@example.org"
    assert mail.subject == f"Ihre Frage zum Beleg {bill.number}"
    assert mail.body == (
        "Guten Tag Ada Lovelace,\n\nDer Tarif gilt.\n\nSie fragten:\n> Warum?\n> Wirklich?\n\n"
        "Der Beleg und Platz für weitere Fragen:\nhttps://x/r/1\n"
    )
    assert question.closed_by == "Grace Hopper"
    with pytest.raises(Conflict):
        questions.answer(any_db, GRACE, question, "Noch einmal.", **given)
    assert not attention_money.questions(any_db)
    entry = any_db.scalars(select(AuditEntry).where(AuditEntry.action == "question.answer")).one()
    assert "Ada" not in f"{entry.subject}{entry.before}{entry.after}{entry.note}"


@pytest.fixture
def desk(any_app, any_db, bill):
    """A browser in which an operator is signed in."""
    user = User(
        tenant_id=bill.tenant_id, email="g@x.y", email_key="g@x.y", name="Grace Hopper",
        role=Role.OPERATOR, created_at=datetime.now(UTC),
    )  # fmt: skip
    any_db.add(user)
    any_db.flush()
    return seed.signed_in(any_app, user)


def test_the_desk_shows_the_question_answers_it_and_the_driver_reads_that(
    any_app, any_db, desk, bill
):
    post(any_app, bill, text="Warum so teuer?")
    (question,) = asked(any_db)
    assert "Warum so teuer?" in desk.get("/bills/questions").text
    page = desk.get(f"/bills/{bill.id}").text
    target = re.search(r'action="(/bills/\d+/questions/\d+/answer)"', page).group(1)
    assert desk.post(target, data={"text": "Wegen <b>Strom</b>."}).status_code == 303
    assert "Answered by Grace Hopper" in desk.get(f"/bills/{bill.id}").text
    link = letters.link(bill).removeprefix("http://localhost:8000")
    drivers = any_app.test_client().get(link).text
    assert "Wegen &lt;b&gt;Strom&lt;/b&gt;." in drivers
    assert "Grace" not in drivers
    assert "Warum so teuer?" not in desk.get("/bills/questions").text
    assert "Warum so teuer?" in desk.get("/bills/questions?state=all").text
    assert question.id


def test_a_question_of_another_bill_is_not_found_here(any_app, any_db, desk, bill):
    post(any_app, bill, text="?")
    (question,) = asked(any_db)
    assert desk.post(f"/bills/{bill.id + 1}/questions/{question.id}/close").status_code == 404
    assert desk.post(f"/bills/{bill.id}/questions/{question.id}/close").status_code == 303
    assert asked(any_db)[0].closed_at is not None
