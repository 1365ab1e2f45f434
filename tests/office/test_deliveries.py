"""For how long a webhook was tried in vain: what it is given up for."""

from datetime import UTC, datetime

import pytest
from sqlalchemy import select, update

from app.domain.ground.vocabulary import SYSTEM, DeliveryState
from app.domain.office import deliveries
from app.models import WebhookDelivery, WebhookEndpoint
from app.uow import unit_of_work
from tests.office.test_webhooks import DAY, hook, hooked, network

__all__ = ["hooked", "network"]


@pytest.mark.parametrize("database", ["sqlite"])
@pytest.mark.parametrize(("hours", "days"), [([0], 1), ([0] * 5, 1), ([0, 12, 12, 48], 2.5)])
def test_days_on_which_several_are_tried_count_once(network, hours, days):
    hook(network, "http://127.0.0.1:1/")
    at = datetime.now(UTC)
    with unit_of_work() as db:
        endpoint = db.scalars(select(WebhookEndpoint)).one()
        for hour in hours:
            deliveries.ping(db, SYSTEM, endpoint, now=at + DAY / 24 * hour)
        db.execute(update(WebhookDelivery).values(state=DeliveryState.FAILED))
        assert deliveries._tried_in_vain(db, endpoint) == DAY * days
