"""Webhooks: where programs of others are told what happens, and how that goes."""

from collections.abc import Callable
from typing import Any

from flask import abort, render_template
from flask.typing import ResponseReturnValue
from flask_login import current_user

from app.domain.ground.texts import N_
from app.domain.ground.vocabulary import DeliveryState
from app.domain.office import deliveries, webhooks
from app.extensions import db
from app.forms.ground import refusals
from app.forms.office.organisation import EVENTS, WebhookForm
from app.mails.hooks import means
from app.models import WebhookDelivery, WebhookEndpoint
from app.process.clock import utc_now
from app.queries.office import alerts as queries
from app.resource import WEBHOOKS
from app.uow import unit_of_work
from app.views.ground import _doing
from app.views.ground._plain import Plain
from app.web import listing, shown_once
from app.web.security import Pages, actor, back

blueprint = Pages("webhooks", __name__, url_prefix="/webhooks")
_endpoint = _doing.by_number(WebhookEndpoint, "There is no such webhook.")


@blueprint.get("", right="write", everywhere=True)
def index() -> ResponseReturnValue:
    """All webhooks, with how their deliveries went."""
    session = db.session()
    return render_template(
        "office/webhooks/index.html",
        webhooks=queries.webhooks(session),
        tallies=queries.tallies(session, utc_now()),
    )


@blueprint.route("/new", methods=["GET", "POST"], everywhere=True)
def create() -> ResponseReturnValue:
    """Add a webhook; its secret is shown on its page for ten minutes."""
    form = _form(None)
    if form.validate_on_submit():
        with refusals.on(form):
            with unit_of_work() as work:
                made, secret = webhooks.add(
                    work, actor(), current_user.tenant_id, means(),
                    now=utc_now(), **form.typed(),
                )  # fmt: skip
            return _with_secret(made.id, secret)
    return plain.page(form, None)


@blueprint.get("/<int:webhook_id>", right="write", everywhere=True)
def show(webhook_id: int) -> ResponseReturnValue:
    """One webhook: what it is told of, and the log of its deliveries."""
    endpoint, session = _endpoint(webhook_id), db.session()
    page = queries.deliveries(
        session, endpoint, listing.wish(), state=listing.text("state"), event=listing.text("event")
    )
    return render_template(
        "office/webhooks/show.html",
        webhook=endpoint,
        page=page,
        events=EVENTS,
        states=list(DeliveryState),
        secret=shown_once.kept(f"webhook {webhook_id}"),
    )


def _form(endpoint: WebhookEndpoint | None) -> WebhookForm:
    return WebhookForm(data=WebhookForm.held(endpoint) if endpoint else None)


plain = Plain(
    *(blueprint, WEBHOOKS, "office/webhooks/form.html", _form),
    lambda work, form, row: {**form.typed(), "means": means()},
    everywhere=True,
)
plain.edit()


@blueprint.post("/<int:webhook_id>/rotate", everywhere=True)
def rotate(webhook_id: int) -> ResponseReturnValue:
    """Give it a new secret; the old one is good for another day."""
    with unit_of_work() as work:
        endpoint = _endpoint(webhook_id)
        secret = webhooks.rotate(work, actor(), endpoint, means(), now=utc_now())
    return _with_secret(webhook_id, secret)


def _hang(rule: str, act: Callable[..., Any], said: str) -> None:
    """Hang a button of a webhook's page."""
    _doing.does(
        *(blueprint, f"/<int:webhook_id>/{rule}", act),
        *(_endpoint, said),
        everywhere=True,
    )


_hang("test", deliveries.ping, N_("Test sent. The log below shows the result."))
_hang("enable", webhooks.enable, N_("Switched on %(name)s. It receives events from now on."))
_hang("disable", webhooks.disable, N_("Switched off %(name)s. It receives nothing for now."))
plain.archive()
plain.restore()


def _delivery(webhook_id: int, delivery_id: int) -> WebhookDelivery:
    delivery = db.session.get(WebhookDelivery, delivery_id)
    if delivery is None or delivery.endpoint_id != _endpoint(webhook_id).id:
        abort(404, "There is no such delivery.")
    return delivery


_doing.does(
    *(blueprint, "/<int:webhook_id>/deliveries/<int:delivery_id>/replay", deliveries.replay),
    *(_delivery, N_("Queued again with the same id.")),
    everywhere=True,
)


def _with_secret(webhook_id: int, secret: str) -> ResponseReturnValue:
    shown = back("webhooks.show", webhook_id=webhook_id)
    return shown_once.keep(shown, f"webhook {webhook_id}", secret)
