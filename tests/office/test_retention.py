"""What is older than it is kept goes, the rest stays, and a page says all of it."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import func, select

from app.config import Settings
from app.domain.ground.vocabulary import Role
from app.domain.office import retention
from app.domain.office.retention_rules import RULES
from app.extensions import db as flask_db
from app.models import Authorisation, DriverQuestion, Message, OutgoingMail, User
from app.tasks.tidying import forget_rows
from app.uow import unit_of_work
from tests.support import lone, seed
from tests.support.charging import STARTED, network

NOW = STARTED + timedelta(days=4000)
SETTINGS = Settings(
    message_retention_days=10, tap_retention_days=20, question_retention_days=30,
    mail_retention_days=40,
)  # fmt: skip


def fill(db, days):
    """One row of each kind that is so many days old."""
    at, net = NOW - timedelta(days=days), network(db)
    tenant, station = net.site.tenant_id, net.station.id
    bill = lone.issue(db, net.session().id, now=STARTED)
    place = {"tenant_id": tenant, "site_id": net.site.id, "bill_id": bill.id}
    said = {"text": "?", "recipient": "a@b.c", "asked_at": STARTED}
    db.add_all([
        Message(station_id=station, at=at),
        Authorisation(
            tenant_id=tenant, station_id=station, token="04", occasion="authorize",
            verdict="accepted", reason="ok", sentence="", at=at,
        ),
        DriverQuestion(**place, **said, closed_at=at),
        DriverQuestion(**place, **said),
        OutgoingMail(recipient="a@b.c", subject="?", created_at=at),
    ])  # fmt: skip


def kept():
    db = flask_db.session()
    db.rollback()
    kinds = (Message, Authorisation, DriverQuestion, OutgoingMail)
    return [db.scalar(select(func.count(kind.id))) for kind in kinds]


@pytest.mark.parametrize(
    ("days", "left"),
    [
        (9, [1, 1, 2, 1]),
        (11, [0, 1, 2, 1]),
        (21, [0, 0, 2, 1]),
        (31, [0, 0, 1, 1]),
        (41, [0, 0, 1, 0]),
    ],
)
def test_each_kind_goes_after_its_own_days(any_app, days, left):
    with unit_of_work() as db:
        fill(db, days)
    forget_rows(SETTINGS, now=NOW)
    assert kept() == left


def test_how_much_went_is_the_sum_of_a_round(any_app, monkeypatch):
    monkeypatch.setattr(retention, "_LOOKED_FOR", 2)
    with unit_of_work() as db:
        fill(db, 11)
        station = db.scalars(select(Message.station_id)).one()
        db.add_all(Message(station_id=station, at=NOW - timedelta(days=12)) for _ in range(6))
    forget_rows(SETTINGS, now=NOW)
    mark = retention.removed_last(flask_db.session())["messages"]
    assert (mark.sentence, mark.at) == ("7", NOW)


def test_every_rule_that_a_setting_names_has_it():
    for rule in RULES:
        if rule.setting:
            assert rule.lasts(Settings()) >= timedelta(days=1)
    longer = replace(Settings(), tap_retention_days=5)
    assert {rule.name: rule.lasts(longer) for rule in RULES}["taps"].days == 5


def test_the_page_says_what_is_kept_why_and_what_went(any_app):
    with unit_of_work() as db:
        fill(db, 11)
    forget_rows(SETTINGS, now=datetime.now(UTC))
    with unit_of_work() as db:
        tenant_id = db.scalar(select(Authorisation.tenant_id)) or 1
        db.add(
            User(
                tenant_id=tenant_id, email="g@x.y", email_key="g@x.y", name="Grace",
                role=Role.ADMIN, created_at=NOW,
            )
        )  # fmt: skip
    admin = seed.signed_in(any_app, flask_db.session().scalars(select(User)).one())
    page = admin.get("/settings/retention").text.replace("<wbr>", "")
    for text in (
        "Message log",
        "AMPDESK_TAP_RETENTION_DAYS",
        "always",
        "1095 days",
        "To look back",
    ):
        assert text in page, text
