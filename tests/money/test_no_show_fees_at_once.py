"""A reservation is weighed while a session is told that speaks against it, on PostgreSQL."""

import pytest
from sqlalchemy import select

from app.domain.access import tags
from app.domain.money import no_show_fees
from app.models import ChargingSession
from app.uow import unit_of_work
from tests.money.test_no_show_fees import (
    CARD,
    FEES,
    GRACE,
    LATER,
    MINUTE,
    STARTED,
    begin_late,
    connected,
    reserved,
)  # fmt: skip
from tests.support import lone
from tests.support.beside import beside
from tests.support.charging import PRICES, network

pytestmark = pytest.mark.postgres


@pytest.fixture
def net(postgres_app):
    with unit_of_work() as db:
        made = network(db)
        made.version.definition = {**PRICES, "components": [*PRICES["components"], *FEES]}
        made.version.created_at = STARTED - 60 * 24 * 60 * MINUTE
        made.site.tariff_id = made.version.tariff_id
        whose = {"driver_id": made.driver.id}
        made.tag = tags.add(db, GRACE, made.site.tenant_id, now=STARTED, value=CARD, **whose)
        connected(made, STARTED - MINUTE)
        made.reserved = reserved(made).id
    return made


def weighed_beside(app, net, happens):
    """The flags of the fee where something is told after it was weighed, and before that counts."""
    with unit_of_work() as db:
        assert no_show_fees.weigh_due(db, now=LATER) == 1
        done = beside(app, happens)
    done()
    db.rollback()
    key = ChargingSession.start_key == f"no-show:{net.reserved}"
    return db.scalars(select(ChargingSession.flags).where(key)).one()


def test_a_driver_who_charged_elsewhere_at_the_site_meanwhile_speaks_against_the_fee(
    postgres_app, net
):
    def settle():
        with unit_of_work() as db:
            net.db = db
            number = net.session(evse=2, started_at=STARTED + 5 * MINUTE).id
        with unit_of_work() as db:
            lone.settle(db, number, now=LATER)

    assert weighed_beside(postgres_app, net, settle) == ["reserved_came"]


def test_a_session_that_uses_it_meanwhile_speaks_against_the_fee(postgres_app, net):
    def begin():
        with unit_of_work() as db:
            net.db = db
            begin_late(net, None)

    assert weighed_beside(postgres_app, net, begin) == ["reserved_used_later"]
