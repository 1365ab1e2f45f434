"""Commands: certificates, those who sign them, and contracts."""

from pathlib import Path

import click

from app.cli.ground import _shared as cli
from app.domain.ground.errors import Conflict, NotFound
from app.domain.ground.rows import read
from app.domain.trust import certificates, signing
from app.extensions import the_settings
from app.models import StationCertificate
from app.queries import trust as queries
from app.queries.ground.paging import CSV_LIMIT, Wish
from app.uow import unit_of_work

group = cli.Group("certificate", help="Certificates of stations and those above them.")

COLUMNS: list[cli.Column] = read(
    "id station=station.identity use state subject expires_at sentence"
)


_found = cli.finds(StationCertificate, "certificate")


@group.command("list")
@click.option("--state", default="", help="Only these: requested, issued, accepted, …")
@cli.json_option
def list_(state: str, as_json: bool) -> None:
    """List certificates of stations, the soonest end first."""
    page = queries.listed(cli.reading(), Wish(size=CSV_LIMIT), state=state)
    cli.print_rows(page.rows, COLUMNS, json=as_json)


@group.command("root")
def root() -> None:
    """Print the root of the built-in authority; it is made when there is none."""
    settings = the_settings()
    keys = signing.KeyStore(settings.data_dir)
    with unit_of_work() as db:
        tenant = cli.the_tenant(db)
        kept = signing.own_root(
            db, tenant.id, keys, settings.ocpp_cpo_name, now=cli.now(), actor=cli.ACTOR
        )
        pem = kept.pem
    click.echo(pem, nl=False)


@group.command("request")
@click.argument("certificate_id", type=int)
def request(certificate_id: int) -> None:
    """Print the signing request of CERTIFICATE_ID."""
    row = cli.reading().get(StationCertificate, certificate_id)
    if row is None or row.csr is None:
        raise NotFound(f"There is no request {certificate_id}.")
    click.echo(row.csr, nl=not row.csr.endswith("\n"))


@group.command("sign")
@click.argument("certificate_id", type=int)
@click.argument("chain", required=False, type=cli.FROM)
def sign(certificate_id: int, chain: Path | None) -> None:
    """Agree that a request is signed, or take in CHAIN, what an authority made of it.

    The certificate goes to the station by itself.
    """
    with unit_of_work() as db:
        row = _found(db, certificate_id)
        if chain is not None:
            text = cli.text(chain)
            certificates.issue(db, row, text, now=cli.now(), by=cli.ACTOR)
        elif the_settings().certificate_authority == "manual":
            raise Conflict("Staff sign by hand here: name the file with the signed chain.")
        else:
            certificates.approve(db, cli.ACTOR, row, now=cli.now())
    done = "Signed" if chain else "Agreed: it is signed"
    click.echo(f"{done}; it goes to the station within a minute.")


group.does(
    *("refuse", _found, certificates.refuse, "Refused."),
    "Decide that a request will not be signed.",
    argument="certificate_id",
    type=int,
)
group.does(
    *("revoke", _found, certificates.revoke, "Revoked."),
    "Let a station's own certificate in no more.",
    click.option("--reason", required=True, help="Why it counts no more."),
    argument="certificate_id",
    type=int,
)
