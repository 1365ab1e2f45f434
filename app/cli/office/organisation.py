"""flask organisation: who sells, as receipts name it, and the rules of billing."""

from typing import Any

import click

from app.cli.ground import _shared as cli
from app.cli.ground._plain import option
from app.domain.ground.rows import read
from app.domain.money import receipts
from app.domain.network import tenants
from app.schemas.money import OrganisationChanges
from app.uow import unit_of_work

group = cli.Group("organisation", help="Who sells, and by which rules bills are made.")

COLUMNS: list[cli.Column] = read(
    " ".join(("name", *receipts.SELLER, *tenants.RULES, "idle_from_readings second_factor"))
)


@group.command("show")
@cli.json_option
def show(as_json: bool) -> None:
    """Show the seller and the rules."""
    cli.print_row(cli.the_tenant(cli.reading()), COLUMNS, json=as_json)


@group.command("edit")
@cli.together(*(option(OrganisationChanges, name) for name in OrganisationChanges.model_fields))
def edit(**values: Any) -> None:
    """Change what is given and leave the rest; '' for none."""
    with unit_of_work() as db:
        tenants.edit(db, cli.ACTOR, cli.the_tenant(db), now=cli.now(), **cli.typed(values))
    click.echo("Changed. Bills from now on say so; those that are issued stay.")
