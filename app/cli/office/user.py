"""flask user: who may sign in to the desk."""

import secrets
from typing import Any

import click
from flask import current_app, url_for

from app.cli.ground import _shared as cli
from app.cli.ground._plain import Plain
from app.domain.ground.vocabulary import Role
from app.domain.network import sites
from app.domain.office import api_tokens, second_factor, sign_ins, staff, ways_in
from app.extensions import the_settings
from app.resource import STAFF
from app.uow import unit_of_work

group = cli.Group("user", help="Who may sign in to the desk.")

_role_option = click.option(
    "--role", default=Role.VIEWER.value, show_default=True, help="Its name: flask role list."
)


def link_to(secret: str) -> str:
    """The address at which a one-time link's secret is taken."""
    base = the_settings().desk_url
    with current_app.test_request_context(base_url=base):
        return f"{base}{url_for('sign.reset', secret=secret)}"


@group.command("create-admin")
@click.argument("email")
@click.option("--name", help="Without one: the address's first part.")
@click.option("--password", help="12 characters or more; without one, one is made and printed.")
def create_admin(email: str, name: str | None, password: str | None) -> None:
    """Add the admin EMAIL, who may sign in at once."""
    made = secrets.token_urlsafe(15) if password is None else None
    with unit_of_work() as db:
        user = staff.create(
            db,
            cli.ACTOR,
            tenant_id=cli.the_tenant(db).id,
            email=email,
            name=name or email.partition("@")[0],
            role=Role.ADMIN,
            password=password if made is None else made,
            now=cli.now(),
        )
    click.echo(f"{user.email} is an admin.")
    if made is not None:
        click.echo(f"Password  {made}")
        click.echo("The password is shown this once.", err=True)


@group.command("add")
@click.argument("email")
@click.option("--name", required=True, help="What they are called.")
@_role_option
@click.option("--site", "site_names", multiple=True, help="Only this site; may be repeated.")
@click.option("--timezone", help="IANA name, like Europe/Berlin.")
@click.option("--language", default="en", show_default=True, help="en or de.")
@click.option("--password", help="Without one, a one-time link to choose it is printed.")
def add(email: str, site_names: tuple[str, ...], password: str | None, **given: Any) -> None:
    """Add the member of staff EMAIL."""
    now = cli.now()
    with unit_of_work() as db:
        tenant_id = cli.the_tenant(db).id
        reach = [sites.named(db, tenant_id, name).id for name in site_names]
        user = staff.create(
            db, cli.ACTOR, tenant_id=tenant_id, email=email, site_ids=reach, password=password,
            now=now, **given,
        )  # fmt: skip
        secret = None if password else ways_in.invite(db, cli.ACTOR, user, now=now)
    click.echo(f"{user.name} <{user.email}> is on the staff as {user.role_name}.")
    if secret:
        click.echo(f"Link  {link_to(secret)}")
        click.echo("The link lets them choose a password; it works once, for three days.", err=True)


@group.command("add-machine")
@click.argument("name")
@click.option("--owner", required=True, help="The e-mail address of who answers for it.")
@_role_option
@click.option("--site", "site_names", multiple=True, help="Only this site; may be repeated.")
def add_machine(name: str, owner: str, role: str, site_names: tuple[str, ...]) -> None:
    """Add the machine NAME, which has tokens and cannot sign in."""
    with unit_of_work() as db:
        tenant_id = cli.the_tenant(db).id
        reach = [sites.named(db, tenant_id, site).id for site in site_names]
        owner_id = staff.by_email(db, owner).id
        api_tokens.add_machine(
            db, cli.ACTOR, tenant_id=tenant_id, name=name, owner_id=owner_id, role=role,
            site_ids=reach, now=cli.now(),
        )  # fmt: skip
    click.echo(f"{name} is on the staff. Make it a token: flask token add “{name}” --name …")


plain = Plain(group, STAFF, "email")
plain.list("List the members of staff.", "email name role sites last_sign_in_at")
plain.show("Show the member of staff EMAIL.")


@group.command("edit")
@click.argument("email")
@click.option("--email", "new_email", help="A new address.")
@click.option("--name", help="What they are called.")
@click.option("--role", help="Its name: flask role list.")
@click.option("--site", "site_names", multiple=True, help="Only this site; may be repeated.")
@click.option("--all-sites", is_flag=True, help="All sites, later ones too.")
@click.option("--timezone", help="IANA name, like Europe/Berlin.")
@click.option("--language", help="en or de.")
def edit(
    email: str, new_email: str | None, site_names: tuple[str, ...], all_sites: bool, **given: Any
) -> None:
    """Change the member of staff EMAIL; what is not given stays."""
    with unit_of_work() as db:
        user = staff.by_email(db, email)
        changes = cli.typed(given)
        if new_email:
            changes["email"] = new_email
        if site_names or all_sites:
            named = [sites.named(db, user.tenant_id, name).id for name in site_names]
            changes["site_ids"] = named
        staff.edit(db, cli.ACTOR, user, now=cli.now(), **changes)
    click.echo(f"{user.email} is saved.")


group.does(
    *("archive", staff.by_email, staff.archive),
    "{row.email} is deactivated and signed out everywhere.",
    "Deactivate the member of staff EMAIL; history keeps their name.",
    argument="email",
    undo=(staff.restore, "{row.email} may sign in again.", "Let them sign in again."),
)


@group.command("reset-password")
@click.argument("email")
@click.option("--password", help="Set this one; without it, a one-time link is printed.")
def reset_password(email: str, password: str | None) -> None:
    """Give the member of staff EMAIL a new password, or a link to choose one."""
    now = cli.now()
    with unit_of_work() as db:
        user = staff.by_email(db, email)
        if password is not None:
            staff.set_password(db, cli.ACTOR, user, password, now=now)
        else:
            secret = ways_in.invite(db, cli.ACTOR, user, now=now)
    if password is not None:
        click.echo(f"{user.email} has the new password and is signed out everywhere.")
        return
    click.echo(f"Link  {link_to(secret)}")
    click.echo("The link works once, for three days.", err=True)


group.does(
    *("withdraw", staff.by_email, ways_in.withdraw),
    "{row.email} was invited and is no more.",
    "Take back the invitation of EMAIL, who never came in.",
    argument="email",
)
group.does(
    *("reset-second-factor", staff.by_email, second_factor.reset),
    "{named} signs in with the password alone until they set up another.",
    "Take away app, recovery codes and passkeys of the member of staff EMAIL, who lost them.",
    argument="email",
)
group.does(
    *("sign-out", staff.by_email, sign_ins.sign_out_everywhere),
    "{row.email}: {made} sign-ins ended.",
    "End every sign-in of the member of staff EMAIL.",
    argument="email",
)
