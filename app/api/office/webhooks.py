"""Webhooks: their endpoints, secrets, and the log of deliveries."""

from operator import attrgetter
from typing import Annotated, Any

from flask import current_app
from sqlalchemy import select

from app.api.ground import _rows
from app.api.ground._noun import ROOT, Ask, Noun, Reply
from app.api.ground._paging import Pages
from app.domain.ground.vocabulary import WebhookEvent
from app.domain.office import deliveries, webhooks
from app.domain.office.webhooks import Means
from app.mails import hooks
from app.models import WebhookDelivery, WebhookEndpoint
from app.schemas import office as schemas
from app.schemas.answers import Answer, From, read
from app.schemas.base import Instant
from app.uow import unit_of_work
from app.web.problems import Problem

noun = Noun("webhooks", "Endpoints that are told what happens, by signed messages.")
blueprint = noun.blueprint

WEBHOOK = _rows.answer(
    "Webhook",
    "An endpoint. `failing_since` is when its failures began, `disabled_at` when nothing was sent "
    "any more, by a person or, for the reason in `disabled_why`, by us.",
    WebhookEndpoint,
    without=("name_key",),
    events=read(list[WebhookEvent], lambda row: list(row.events)),
)
DELIVERY = _rows.answer(
    "WebhookDelivery",
    "One event for one endpoint. `message_id` and `body` are the same at each try; `status`, "
    "`latency_ms`, `answer` (its first bytes) and `error` are of the last one.",
    WebhookDelivery,
    without=("endpoint_id", "key"),
)


class AddedWebhook(WEBHOOK):  # type: ignore[misc,valid-type]
    """A new webhook. `secret` is told this once."""

    secret: Annotated[str, From(attrgetter("told"))]


class WebhookSecret(Answer):
    """A new secret is told this once; until `old_until` the old one signs beside it."""

    webhook_id: int
    secret: str
    old_until: Instant


def _endpoint(ask: Ask, webhook_id: int) -> WebhookEndpoint:
    row: WebhookEndpoint = ask.get(WebhookEndpoint, webhook_id, "webhook")
    return row


@noun.get(
    "/webhooks",
    "List webhooks",
    right="write",
    answers={200: Pages(WEBHOOK)},
    query=schemas.Webhooks,
    everywhere=True,
)
def list_(ask: Ask) -> Any:
    """The webhooks in use, or with `archived` those that are not."""
    gone = WebhookEndpoint.archived_at.is_not(None)
    query = select(WebhookEndpoint).where(gone if ask.query.get("archived") else ~gone)
    return ask.page(query, WebhookEndpoint.id, newest=False)


@noun.get(
    "/webhooks/{webhook_id}",
    "Read a webhook",
    right="write",
    answers={200: WEBHOOK},
    everywhere=True,
)
def show(ask: Ask, webhook_id: int) -> Any:
    """One webhook; its secret is told by nobody."""
    return _endpoint(ask, webhook_id)


@noun.post(
    "/webhooks",
    "Add a webhook",
    body=schemas.NewWebhook,
    answers={201: AddedWebhook},
    problems=(409,),
    everywhere=True,
    secret=True,
)
def create(ask: Ask) -> Any:
    """Add an endpoint; the secret that signs is in this answer and nowhere else."""
    with unit_of_work() as db:
        row, secret = webhooks.add(db, ask.actor, ask.tenant_id, _means(), now=ask.now, **ask.body)
    row.told = secret  # type: ignore[attr-defined]
    return Reply(201, row, {"Location": f"{ROOT}/webhooks/{row.id}"})


@noun.patch(
    "/webhooks/{webhook_id}",
    "Change a webhook",
    body=schemas.WebhookChanges,
    answers={200: WEBHOOK},
    problems=(409,),
    everywhere=True,
)
def edit(ask: Ask, webhook_id: int) -> Any:
    """Change what is given; of new events it is told from now on."""
    row = _endpoint(ask, webhook_id)
    with unit_of_work() as db:
        webhooks.edit(db, ask.actor, row, _means(), now=ask.now, **ask.body)
    return row


@noun.post(
    "/webhooks/{webhook_id}/rotate",
    "Give a webhook a new secret",
    answers={200: WebhookSecret},
    everywhere=True,
    secret=True,
)
def rotate(ask: Ask, webhook_id: int) -> Any:
    """Make a new secret; for a day both sign, so that the receiver is changed without a gap."""
    row = _endpoint(ask, webhook_id)
    with unit_of_work() as db:
        secret = webhooks.rotate(db, ask.actor, row, _means(), now=ask.now)
    return {"webhook_id": row.id, "secret": secret, "old_until": row.old_secret_until}


@noun.post(
    "/webhooks/{webhook_id}/test",
    "Test a webhook",
    answers={202: DELIVERY},
    everywhere=True,
)
def test(ask: Ask, webhook_id: int) -> Any:
    """Send an event of the type webhook.test."""
    row = _endpoint(ask, webhook_id)
    with unit_of_work() as db:
        delivery = deliveries.ping(db, ask.actor, row, now=ask.now)
    return _on_its_way(delivery)


@noun.get(
    "/webhooks/{webhook_id}/deliveries",
    "List deliveries",
    right="write",
    answers={200: Pages(DELIVERY)},
    query=schemas.Deliveries,
    everywhere=True,
)
def deliveries_(ask: Ask, webhook_id: int) -> Any:
    """What was sent to a webhook in the last 30 days, the newest first."""
    row = _endpoint(ask, webhook_id)
    query = select(WebhookDelivery).where(WebhookDelivery.endpoint_id == row.id)
    for name in ("state", "event"):
        if (value := ask.query.get(name)) is not None:
            query = query.where(getattr(WebhookDelivery, name) == value)
    return ask.page(query, WebhookDelivery.id)


@noun.get(
    "/webhooks/{webhook_id}/deliveries/{delivery_id}",
    "Read a delivery",
    right="write",
    answers={200: DELIVERY},
    everywhere=True,
)
def delivery(ask: Ask, webhook_id: int, delivery_id: int) -> Any:
    """One delivery, with what was sent and what was answered."""
    return _delivery(ask, webhook_id, delivery_id)


@noun.post(
    "/webhooks/{webhook_id}/deliveries/{delivery_id}/replay",
    "Replay a delivery",
    answers={202: DELIVERY},
    everywhere=True,
)
def replay(ask: Ask, webhook_id: int, delivery_id: int) -> Any:
    """Deliver the same once more, with the same id."""
    row = _delivery(ask, webhook_id, delivery_id)
    with unit_of_work() as db:
        deliveries.replay(db, ask.actor, row, now=ask.now)
    return _on_its_way(row)


for _act, _summary, _doc in (
    (webhooks.enable, "Switch a webhook on", "Tell it of what happens from now on."),
    (webhooks.disable, "Switch a webhook off", "Send nothing for the time being."),
    (webhooks.archive, "Archive a webhook", "Put it away; its log stays."),
    (webhooks.restore, "Restore a webhook", "Take it out of the archive."),
):
    _path = f"/webhooks/{{webhook_id}}/{_act.__name__}"
    noun.decide(_path, _summary, _doc, WEBHOOK, _endpoint, _act, everywhere=True)


def _delivery(ask: Ask, webhook_id: int, delivery_id: int) -> WebhookDelivery:
    row: WebhookDelivery = ask.get(WebhookDelivery, delivery_id, "delivery")
    if row.endpoint_id != webhook_id:
        raise Problem(404, "There is no such delivery.")
    return row


def _on_its_way(row: WebhookDelivery) -> Reply:
    place = f"{ROOT}/webhooks/{row.endpoint_id}/deliveries/{row.id}"
    return Reply(202, row, {"Location": place})


def _means() -> Means:
    return hooks.means(current_app.config["SETTINGS"])
