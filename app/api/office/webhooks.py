"""Webhooks: their endpoints, secrets, and the log of deliveries."""

from operator import attrgetter
from typing import Annotated

from app.api.ground import _lists, _rows
from app.api.ground._noun import Ask, Noun, Reply, made_at
from app.api.ground._plain import Plain
from app.domain.ground.vocabulary import Json, WebhookEvent
from app.domain.office import deliveries, webhooks
from app.mails.hooks import means
from app.models import WebhookDelivery, WebhookEndpoint
from app.resource import WEBHOOKS
from app.schemas import office as schemas
from app.schemas.answers import Answer, From, read
from app.schemas.base import Instant
from app.uow import unit_of_work
from app.web.problems import Problem

noun = Noun(
    "webhooks",
    "Endpoints that are told what happens, by signed messages.",
    reads="write",
    everywhere=True,
)

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


def _on_its_way(ask: Ask, row: WebhookDelivery) -> Reply:
    return made_at(f"/webhooks/{row.endpoint_id}/deliveries", row, status=202)


def _delivery(ask: Ask, webhook_id: int, delivery_id: int) -> WebhookDelivery:
    row = ask.get(WebhookDelivery, delivery_id, "delivery")
    if row.endpoint_id != webhook_id:
        raise Problem(404, "There is no such delivery.")
    return row


plain = Plain(noun, WEBHOOKS, WEBHOOK)
plain.list("The webhooks in use, or with `archived` those that are not.", schemas.Webhooks)
plain.show("One webhook; its secret is told by nobody.")


@noun.post(
    "/webhooks",
    "Add a webhook",
    body=schemas.NewWebhook,
    answers={201: AddedWebhook},
    problems=(409,),
    secret=True,
)
def create(ask: Ask) -> Reply:
    """Add an endpoint; the secret that signs is in this answer and nowhere else."""
    with unit_of_work() as db:
        row, secret = webhooks.add(db, ask.actor, ask.tenant_id, means(), now=ask.now, **ask.body)
    row.told = secret  # type: ignore[attr-defined]
    return plain.made(ask, row)


plain.edit(
    "Change what is given; of new events it is told from now on.",
    schemas.WebhookChanges,
    act=lambda db, actor, row, **given: webhooks.edit(db, actor, row, means(), **given),
)


@noun.post(
    "/webhooks/{webhook_id}/rotate",
    "Give a webhook a new secret",
    answers={200: WebhookSecret},
    secret=True,
)
def rotate(ask: Ask, webhook_id: int) -> Json:
    """Make a new secret; for a day both sign, so that the receiver is changed without a gap."""
    row = plain.row(ask, webhook_id)
    with unit_of_work() as db:
        secret = webhooks.rotate(db, ask.actor, row, means(), now=ask.now)
    return {"webhook_id": row.id, "secret": secret, "old_until": row.old_secret_until}


noun.decide(
    "/webhooks/{webhook_id}/test",
    "Test a webhook",
    "Send an event of the type webhook.test.",
    *(DELIVERY, plain.row, deliveries.ping),
    status=202,
    result=True,
    seen=_on_its_way,
)
_lists.hang(
    *(noun, "/webhooks/{webhook_id}/deliveries", "List deliveries"),
    "What was sent to a webhook in the last 30 days, the newest first.",
    *(WebhookDelivery, DELIVERY),
    name="deliveries",
    asked=schemas.Deliveries,
    of=(WebhookDelivery.endpoint_id, plain.row),
)
noun.show(
    *("/webhooks/{webhook_id}/deliveries/{delivery_id}", "Read a delivery"),
    "One delivery, with what was sent and what was answered.",
    *(DELIVERY, _delivery),
    name="delivery",
)
noun.decide(
    "/webhooks/{webhook_id}/deliveries/{delivery_id}/replay",
    "Replay a delivery",
    "Deliver the same once more, with the same id.",
    *(DELIVERY, _delivery, deliveries.replay),
    status=202,
    seen=_on_its_way,
)
for _word, _act, _summary, _doc in (
    ("enable", webhooks.enable, "Switch a webhook on", "Tell it of what happens from now on."),
    ("disable", webhooks.disable, "Switch a webhook off", "Send nothing for the time being."),
):
    noun.decide(f"/webhooks/{{webhook_id}}/{_word}", _summary, _doc, WEBHOOK, plain.row, _act)
plain.archive("Put it away; its log stays.")
plain.restore("Take it out of the archive.")
