"""flask organisation: who sells, as receipts name it, and the rules of billing."""

from typing import Any

import click

from app.cli.ground import _shared as cli
from app.domain.ground.rows import read
from app.domain.ground.vocabulary import SecondFactorRule
from app.domain.money import receipts
from app.domain.network import tenants
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
@click.option("--seller-name")
@click.option("--seller-address", help="In one line.")
@click.option("--seller-tax-number")
@click.option("--seller-contact", help="An e-mail address, a web page or a number.")
@click.option("--least-energy-wh", type=int, help="Below this and the least time: free.")
@click.option("--least-duration-s", type=int)
@click.option("--late-below-minor", type=int, help="Below it, a late change is only noted.")
@click.option("--idle-from-readings/--no-idle-from-readings", default=None)
@click.option(
    "--second-factor",
    type=click.Choice([rule.value for rule in SecondFactorRule]),
    help="Who has to set up a second factor.",
)
def edit(**values: Any) -> None:
    """Change what is given and leave the rest; '' for none."""
    with unit_of_work() as db:
        tenants.edit(db, cli.ACTOR, cli.the_tenant(db), now=cli.now(), **cli.typed(values))
    click.echo("Changed. Bills from now on say so; those that are issued stay.")
