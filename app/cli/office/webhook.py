"""flask webhook: where programs of others are told what happens."""

from collections.abc import Callable
from typing import Any

import click
from flask import current_app

from app.cli.ground import _shared as cli
from app.domain.ground.errors import NotFound
from app.domain.ground.vocabulary import DeliveryState, WebhookEvent
from app.domain.office import deliveries, webhooks
from app.domain.office.webhooks import Means
from app.mails import hooks
from app.models import WebhookDelivery
from app.queries.ground.paging import Wish
from app.queries.office import alerts as queries
from app.uow import unit_of_work

group = cli.Group("webhook", help="Where programs of others are told what happens.")

COLUMNS: list[cli.Column] = [
    ("id", lambda row: row.id),
    ("name", lambda row: row.name),
    ("url", lambda row: row.url),
    ("events", lambda row: list(row.events)),
    ("failing_since", lambda row: row.failing_since),
    ("disabled_at", lambda row: row.disabled_at),
    ("disabled_why", lambda row: row.disabled_why),
    ("archived_at", lambda row: row.archived_at),
]
DELIVERIES: list[cli.Column] = [
    ("id", lambda row: row.id),
    ("event", lambda row: row.event),
    ("state", lambda row: row.state),
    ("attempts", lambda row: row.attempts),
    ("status", lambda row: row.status),
    ("latency_ms", lambda row: None if row.latency_ms is None else round(row.latency_ms)),
    ("error", lambda row: row.error),
    ("created_at", lambda row: row.created_at),
]
_EVENT = click.option(
    "--event", "events", multiple=True, type=click.Choice([event.value for event in WebhookEvent]),
    help="What it is told of; several times for several.",
)  # fmt: skip


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
            db, cli.ACTOR, tenant_id, _means(), now=cli.now(), name=name, url=url, events=events
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


@group.command("edit")
@click.argument("name")
@click.option("--name", "new_name", help="A new name.")
@click.option("--url", help="A new address.")
@_EVENT
def edit(name: str, new_name: str | None, url: str | None, events: tuple[str, ...]) -> None:
    """Change the webhook NAME; what is not given stays."""
    given: dict[str, Any] = {"name": new_name, "url": url, "events": events or None}
    with unit_of_work() as db:
        row = webhooks.named(db, cli.the_tenant(db).id, name)
        wanted = {key: value for key, value in given.items() if value is not None}
        webhooks.edit(db, cli.ACTOR, row, _means(), now=cli.now(), **wanted)
    click.echo(f"Changed the webhook {name}.")


@group.command("rotate")
@click.argument("name")
def rotate(name: str) -> None:
    """Give the webhook NAME a new secret; for a day the old one signs, too."""
    with unit_of_work() as db:
        row = webhooks.named(db, cli.the_tenant(db).id, name)
        secret = webhooks.rotate(db, cli.ACTOR, row, _means(), now=cli.now())
    click.echo(secret)
    click.echo("It is shown this once.", err=True)


def _does(verb: str, done: str, help: str, act: Callable[..., Any]) -> None:
    @group.command(verb, help=help)
    @click.argument("name")
    def command(name: str) -> None:
        with unit_of_work() as db:
            row = webhooks.named(db, cli.the_tenant(db).id, name)
            act(db, cli.ACTOR, row, now=cli.now())
        click.echo(f"{done} {row.name}.")


_does("test", "A test is on its way to", "Send a test to the webhook NAME.", deliveries.ping)
_does("enable", "Switched on", "Send to the webhook NAME again.", webhooks.enable)
_does("disable", "Switched off", "Send nothing to the webhook NAME.", webhooks.disable)
_does("archive", "Archived the webhook", "Put the webhook NAME away.", webhooks.archive)
_does("restore", "Restored the webhook", "Take the webhook NAME out again.", webhooks.restore)


@group.command("deliveries")
@click.argument("name")
@click.option(
    "--state",
    type=click.Choice([state.value for state in DeliveryState]),
    help="Only those in this state.",
)
@click.option("--limit", type=click.IntRange(1, 1000), default=50, show_default=True)
@cli.json_option
def deliveries_(name: str, state: str | None, limit: int, as_json: bool) -> None:
    """List what was delivered to the webhook NAME, the newest first."""
    db = cli.reading()
    row = webhooks.named(db, cli.the_tenant(db).id, name)
    page = queries.deliveries(db, row, Wish(size=limit), state=state or "")
    cli.print_rows(page.rows, DELIVERIES, json=as_json)


@group.command("replay")
@click.argument("delivery_id", type=click.IntRange(1, 2**63 - 1))
def replay(delivery_id: int) -> None:
    """Deliver DELIVERY_ID once more, with the same id."""
    with unit_of_work() as db:
        row = db.get(WebhookDelivery, delivery_id)
        if row is None:
            raise NotFound(f"There is no delivery {delivery_id}.", field="delivery")
        deliveries.replay(db, cli.ACTOR, row, now=cli.now())
    click.echo(f"{row.event} is delivered once more.")


def _means() -> Means:
    return hooks.means(current_app.config["SETTINGS"])
