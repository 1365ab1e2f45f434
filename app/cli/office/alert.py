"""flask alert: what rules have found, and what is done about it."""

from datetime import timedelta

import click

from app.cli.ground import _bulk
from app.cli.ground import _shared as cli
from app.domain.ground.rows import read
from app.domain.ground.vocabulary import AlertKind
from app.domain.office import alerts, staff
from app.models import Alert
from app.queries.ground.paging import CSV_LIMIT, Wish
from app.queries.office import alerts as queries
from app.uow import unit_of_work

group = cli.Group("alert", help="What rules have found, and what is done about it.")

COLUMNS: list[cli.Column] = read(
    "id kind what site=site.name began_at opened_at closed_at closed_by acknowledged_by "
    "snoozed_until assigned_to=assigned_to.email note"
)
_found = cli.finds(Alert, "alert")


@group.command("list")
@click.option(
    "--state",
    type=click.Choice(["open", "closed", "all"]),
    default="open",
    show_default=True,
    help="Only those in it.",
)
@click.option(
    "--kind", type=click.Choice([kind.value for kind in AlertKind]), help="Only those of one kind."
)
@cli.json_option
def list_(state: str, kind: str | None, as_json: bool) -> None:
    """List alerts, the newest first."""
    wanted = queries.Filter(state=state, kind=kind or "")
    cli.print_rows(
        queries.page(cli.reading(), wanted, Wish(size=CSV_LIMIT)).rows, COLUMNS, json=as_json
    )


@group.command("show")
@click.argument("alert_id", type=int)
@cli.json_option
def show(alert_id: int, as_json: bool) -> None:
    """Show the alert ALERT_ID."""
    cli.print_row(_found(cli.reading(), alert_id), COLUMNS, json=as_json)


group.does(
    *("acknowledge", _found, alerts.acknowledge, "Acknowledged alert {row.id}."),
    "Say that somebody knows of the alert ALERT_ID: nothing is escalated.",
    argument="alert_id",
    type=int,
)
group.does(
    *("close", _found, alerts.close, "Closed alert {row.id}."),
    "Close the alert ALERT_ID by hand; it opens again when it is over and begins anew.",
    click.option("--note", help="Why it is closed."),
    argument="alert_id",
    type=int,
)


@group.command("edit")
@click.argument("alert_id", type=int)
@click.option("--note", help="What there is to know; '' for nothing.")
@click.option("--assign", help="E-mail address of who sees to it; '' for nobody.")
@click.option("--snooze", type=int, help="No mails for so many hours; 0 ends a snooze.")
def edit(alert_id: int, note: str | None, assign: str | None, snooze: int | None) -> None:
    """Assign, snooze, or note something about the alert ALERT_ID."""
    now = cli.now()
    with unit_of_work() as db:
        given: dict[str, object] = {}
        if note is not None:
            given["note"] = note
        if assign is not None:
            given["assigned_to_id"] = staff.by_email(db, assign).id if assign else None
        if snooze is not None:
            given["snoozed_until"] = now + timedelta(hours=snooze) if snooze > 0 else None
        alerts.change(db, cli.ACTOR, _found(db, alert_id), now=now, **given)
    click.echo(f"Changed alert {alert_id}.")


_bulk.hang(
    group,
    [(alerts.MANY, _found)],
    "its number",
    [click.option("--hours", type=click.IntRange(1), help="For snooze: how long no mail is sent.")],
    lambda db, values: {
        "until": cli.now() + timedelta(hours=values["hours"]) if values["hours"] else None
    },
)
