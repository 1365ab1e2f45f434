"""flask webhook: where programs of others are told what happens."""

from typing import Any

import click
from sqlalchemy.orm import Session

from app.cli.ground import _shared as cli
from app.cli.ground._plain import Plain
from app.domain.ground.rows import read
from app.domain.ground.vocabulary import DeliveryState, WebhookEvent
from app.domain.office import deliveries, webhooks
from app.mails.hooks import means
from app.models import WebhookDelivery
from app.queries.ground.paging import Wish
from app.queries.office import alerts as queries
from app.resource import WEBHOOKS
from app.uow import unit_of_work

group = cli.Group("webhook", help="Where programs of others are told what happens.")

COLUMNS: list[cli.Column] = [
    *read("id name url"),
    ("events", lambda row: list(row.events)),
    *read("failing_since disabled_at disabled_why archived_at"),
]
DELIVERIES: list[cli.Column] = [
    *read("id event state attempts status"),
    ("latency_ms", lambda row: None if row.latency_ms is None else round(row.latency_ms)),
    *read("error created_at"),
]
_EVENT = click.option(
    "--event", "events", multiple=True, type=click.Choice([event.value for event in WebhookEvent]),
    help="What it is told of; several times for several.",
)  # fmt: skip


_named = cli.by_name(webhooks.named)


def _wanted(_db: Session, _tenant_id: int, values: dict[str, Any], _row: Any) -> dict[str, Any]:
    return {**cli.typed(values), "means": means()}


@group.command("add")
@click.argument("name")
@click.argument("url")
@_EVENT
@cli.json_option
def add(name: str, url: str, events: tuple[str, ...], as_json: bool) -> None:
    """Add the webhook NAME at URL; its secret is printed this once."""
    with unit_of_work() as db:
        tenant_id = cli.the_tenant(db).id
        row, secret = webhooks.add(
            db, cli.ACTOR, tenant_id, means(), now=cli.now(), name=name, url=url, events=events
        )
    if as_json:
        cli.print_json({"id": row.id, "name": row.name, "secret": secret})
        return
    click.echo(secret)
    click.echo(f"Added the webhook {row.name}. The secret is shown this once.", err=True)


@group.command("list")
@cli.json_option
def list_(as_json: bool) -> None:
    """List the webhooks."""
    cli.print_rows(queries.webhooks(cli.reading()), COLUMNS, json=as_json)


plain = Plain(group, WEBHOOKS, options=[_EVENT], read=_wanted)
plain.edit("Change the webhook NAME; what is not given stays.")


@group.command("rotate")
@click.argument("name")
def rotate(name: str) -> None:
    """Give the webhook NAME a new secret; for a day the old one signs, too."""
    with unit_of_work() as db:
        row = _named(db, name)
        secret = webhooks.rotate(db, cli.ACTOR, row, means(), now=cli.now())
    click.echo(secret)
    click.echo("It is shown this once.", err=True)


group.does(
    *("test", _named, deliveries.ping, "A test is on its way to {row.name}."),
    "Send a test to the webhook NAME.",
)
group.does(
    *("enable", _named, webhooks.enable, "Switched on {row.name}."),
    "Send to the webhook NAME again.",
)
group.does(
    *("disable", _named, webhooks.disable, "Switched off {row.name}."),
    "Send nothing to the webhook NAME.",
)
group.does(
    *("archive", _named, webhooks.archive, "Archived the webhook {row.name}."),
    "Put the webhook NAME away.",
)
group.does(
    *("restore", _named, webhooks.restore, "Restored the webhook {row.name}."),
    "Take the webhook NAME out again.",
)


@group.command("deliveries")
@click.argument("name")
@click.option(
    "--state",
    type=click.Choice([state.value for state in DeliveryState]),
    help="Only those in this state.",
)
@cli.limit_option(50, most=1000)
@cli.json_option
def deliveries_(name: str, state: str | None, limit: int, as_json: bool) -> None:
    """List what was delivered to the webhook NAME, the newest first."""
    db = cli.reading()
    row = _named(db, name)
    page = queries.deliveries(db, row, Wish(size=limit), state=state or "")
    cli.print_rows(page.rows, DELIVERIES, json=as_json)


group.does(
    *("replay", cli.finds(WebhookDelivery, "delivery"), deliveries.replay),
    "{row.event} is delivered once more.",
    "Deliver DELIVERY_ID once more, with the same id.",
    argument="delivery_id",
    type=click.IntRange(1, 2**63 - 1),
)
