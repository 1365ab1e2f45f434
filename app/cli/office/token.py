"""flask token: keys with which programs use the API."""

import click

from app.cli.ground import _shared as cli
from app.cli.office.role import given_rights
from app.domain.ground.rows import read
from app.domain.network import sites
from app.domain.office import api_tokens, staff
from app.queries.office import staff as queries
from app.uow import unit_of_work

group = cli.Group("token", help="Keys with which programs use the API.")

COLUMNS: list[cli.Column] = [
    *read("id name"),
    ("user", lambda token: token.user.email or token.user.name),
    *read("role=user.role_name"),
    ("rights", lambda token: [f"{area}:{right}" for area, right in (token.rights or {}).items()]),
    ("site_ids", lambda token: token.site_ids or []),
    *read("begins_with=hint created_at expires_at last_used_at revoked_at"),
]


@group.command("add")
@click.argument("email")
@click.option("--name", required=True, help="What it is for.")
@click.option("--days", type=int, help="How long it works; without it, until it is revoked.")
@click.option("--right", "words", multiple=True, help="Only this, as money:read; repeat it.")
@click.option("--site", "site_names", multiple=True, help="Only this site; may be repeated.")
@cli.json_option
def add(
    email: str,
    name: str,
    days: int | None,
    words: tuple[str, ...],
    site_names: tuple[str, ...],
    as_json: bool,
) -> None:
    """Make a token of the person EMAIL, or of a machine by its name; it is printed this once."""
    with unit_of_work() as db:
        user = staff.by_email(db, email)
        token, secret = api_tokens.issue(
            *(db, cli.ACTOR, user),
            name=name,
            days=days,
            scope=given_rights(words) or None,
            site_ids=[sites.named(db, user.tenant_id, site).id for site in site_names],
            now=cli.now(),
        )
    if as_json:
        cli.print_json({"id": token.id, "name": token.name, "token": secret})
        return
    click.echo(secret)
    click.echo(
        f"Token {token.id} acts as {user.email or user.name}. It is shown this once.", err=True
    )


@group.command("list")
@click.option("--user", "email", help="Only this person's.")
@cli.json_option
def list_(email: str | None, as_json: bool) -> None:
    """List the tokens, the newest first."""
    db = cli.reading()
    rows = queries.tokens(db, staff.by_email(db, email) if email else None)
    cli.print_rows(rows, COLUMNS, json=as_json)


group.does(
    *("revoke", api_tokens.get, api_tokens.revoke, "The token “{row.name}” no longer works."),
    "Make the token TOKEN_ID useless.",
    argument="token_id",
    type=int,
)
