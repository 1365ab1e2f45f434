"""flask bill …: bills, held sessions and receipts."""

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import IO, Any

import click

from app.cli.ground import _bulk
from app.cli.ground import _shared as cli
from app.cli.money._bill_parts import (
    DIFFERENCES,
    EXPORTED,
    FIGURES,
    HELD,
    LIST,
    MONEY,
    bill_of,
    named_by,
    review_of,
)
from app.domain.ground.errors import Conflict, NotFound
from app.domain.ground.vocabulary import BillingState, BillKind
from app.domain.money import billing, receipts, reviews
from app.domain.money.tariffs import from_minor
from app.domain.network import tenants
from app.extensions import the_settings
from app.models import Bill
from app.queries.ground.paging import CSV_LIMIT, Wish
from app.queries.money import bills as queries
from app.queries.money import reviews as review_queries
from app.text import bill_text, review_words
from app.text.writers import LOCALES, DeskWriter
from app.uow import unit_of_work

group = cli.Group("bill", help="Bills, sessions held for review, and receipts.")


reason_option = click.option("--reason", required=True, help="Why; kept for ever.")
kwh_option = click.option("--kwh", type=Decimal, help="The right energy, in kWh.")


def since_option(what: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """An option that takes the first day, or an instant."""
    return click.option("--since", help=f"{what} on this day or after this instant (UTC).")


@group.command("list")
@click.option("--search", "q", default="", help="Number, session, driver, card or station.")
@click.option("--kind", type=click.Choice([*map(str, BillKind)]), help="Only this kind.")
@click.option("--receipt", default="", help="Only with this state of the receipt, or trouble.")
@since_option("Issued")
@cli.json_option
def list_bills(q: str, kind: str | None, receipt: str, since: str | None, as_json: bool) -> None:
    """List the bills, the newest first."""
    wanted = queries.Filter(
        q=q, kind=kind or "", receipt=receipt, since=cli.instant("--since", since)
    )
    page = queries.page(cli.reading(), wanted, Wish(size=CSV_LIMIT))
    cli.print_rows(page.rows, LIST, json=as_json)


@group.command("held")
@cli.json_option
def held(as_json: bool) -> None:
    """List the sessions that wait for a decision, with the reasons."""
    page = review_queries.waiting(cli.reading(), Wish(size=CSV_LIMIT))
    cli.print_rows(page.rows, HELD, json=as_json)


@group.command("review")
@click.argument("session", type=int)
@cli.json_option
def review(session: int, as_json: bool) -> None:
    """Show a held session: why, and what its energy could be, with what speaks for each."""
    db = cli.reading()
    found = review_of(db, session)
    assessment = billing.assess(db, found.session, cli.now())
    figures = review_words.figures(assessment)
    if as_json:
        cli.print_json({name: read(found) for name, read in HELD} | {
            "figures": [{name: read(figure) for name, read in FIGURES} for figure in figures],
            "proposal": review_words.proposal(assessment),
        })  # fmt: skip
        return
    cli.print_row(found, HELD)
    for figure in figures:
        click.echo(f"\n{figure.label}: {figure.kwh} kWh{' (proposed)' if figure.proposed else ''}")
        click.echo("".join(f"  + {sentence}\n" for sentence in figure.speaks_for), nl=False)
        click.echo("".join(f"  - {sentence}\n" for sentence in figure.against), nl=False)
    click.echo(f"\n{review_words.proposal(assessment)}")


@group.command("show")
@click.argument("bill")
@cli.json_option
def show(bill: str, as_json: bool) -> None:
    """Show a bill (by its number, or a session's standing one) with its lines and why."""
    db = cli.reading()
    found = bill_of(db, bill)
    said = bill_text.in_words(found, DeskWriter(found.facts["timezone"]))
    if as_json:
        lines = [
            {"label": line.label, "quantity": line.quantity, "price": line.unit_price,
             "tax": line.tax, "amount": line.amount, "readings": list(line.details)}
            for line in said.lines
        ]  # fmt: skip
        head = {name: read(found) for name, read in [*LIST, *MONEY]}
        cli.print_json({**head, "lines": lines, "why": list(said.why)})
        return
    cli.print_row(found, [*LIST, *MONEY])
    for line in said.lines:
        priced = f" ({line.quantity} × {line.unit_price})" if line.quantity else ""
        click.echo(f"\n{line.label}{priced}: {line.amount}")
        for detail in line.details:
            click.echo(f"  {detail}")
    click.echo("\n" + "\n".join([f"{word}: {amount}" for word, amount in said.taxes]))
    click.echo(f"Total: {said.total}\n\n" + "\n".join(said.why))


@group.command("pdf")
@click.argument("bill")
@click.option("--language", type=click.Choice([*LOCALES]), help="Else the driver's.")
@click.option("--output", "-o", type=click.File("wb"), required=True, help="A file (- for stdout).")
def pdf(bill: str, language: str | None, output: IO[bytes]) -> None:
    """Write a bill's receipt (by its number, or a session's standing one) as a PDF."""
    from app.text import receipt_pdf

    found = bill_of(cli.reading(), bill)
    usual = found.receipt.language if found.receipt else "en"
    output.write(receipt_pdf.receipt(found, language or usual))


@group.command("export")
@since_option("Issued")
@cli.zone_option
def export(since: str | None, timezone: str | None) -> None:
    """Write all bills as CSV to standard output."""
    db = cli.reading()
    rows = queries.rows(db, queries.Filter(since=cli.instant("--since", since)))
    cli.write_csv(None, EXPORTED, rows, cli.zone_of(db, timezone))


@group.command("recompute")
@click.option("--dry-run", is_flag=True, help="Only say what would change.")
@click.option("--session", "sessions", type=int, multiple=True, help="Only these sessions.")
@since_option("Ended")
@click.option("--reason", help="Why the bills are corrected; needed without --dry-run.")
@cli.json_option
def recompute(
    dry_run: bool,
    sessions: tuple[int, ...],
    since: str | None,
    reason: str | None,
    as_json: bool,
) -> None:
    """Count all bills again from the readings; correct what differs.

    Bills whose recount is in doubt are told, not corrected.  Without --since
    or --session, those of sessions are left whose connections are no longer
    kept: idle time is told by them, too.
    """
    if not dry_run and not reason:
        raise Conflict("Give --reason, or --dry-run to see what would change.")
    db, known_since = cli.reading(), None
    if since is None and not sessions:
        kept_days = the_settings().connection_retention_days
        known_since = cli.now() - timedelta(days=kept_days)
        said = f"{known_since:%Y-%m-%d %H:%M}"
        click.echo(f"Sessions that began since {said} UTC are counted.", err=True)
    found = list(
        billing.recompute(
            db,
            tenant_id=cli.the_tenant(db).id,
            now=cli.now(),
            since=cli.instant("--since", since),
            began_since=known_since,
            session_ids=sessions,
        )
    )
    cli.print_rows(found, DIFFERENCES, json=as_json)
    if dry_run:
        return
    corrected = 0
    for difference in found:
        with unit_of_work() as work:
            made = billing.correct_difference(
                work, cli.ACTOR, difference.session_id, reason=reason or "", now=cli.now()
            )
            corrected += made is not None
    click.echo(f"{corrected} of {len(found)} corrected.", err=True)


@group.command("verify")
@click.option("--tenant", help="Only the bills of this tenant, by its name.")
def verify(tenant: str | None) -> None:
    """Check that all bills, and what they rest on, are what was issued.

    Prints a line for each fault and ends with status 1 if there is one.
    """
    db, count, faults = cli.reading(), 0, 0
    for number in tenants.ids(db, name=tenant):
        walk = billing.verify(db, number)
        count += walk.count
        faults += len(walk.faults)
        for fault in walk.faults:
            click.echo(str(fault))
    if faults:
        cli.fail("There is one fault." if faults == 1 else f"There are {faults} faults.")
    click.echo(f"{count} bill{'' if count == 1 else 's'} verified.")


@group.command("resend")
@click.argument("bill")
@click.option("--to", default="", help="Another address than the driver's.")
def resend(bill: str, to: str) -> None:
    """Send a bill's receipt again."""
    with unit_of_work() as db:
        found = bill_of(db, bill)
        if found.receipt is None:
            raise NotFound(f"Bill {found.number} has no receipt.")
        row = receipts.resend(db, cli.ACTOR, found.receipt, now=cli.now(), recipient=to)
        click.echo(f"The receipt of {found.number} is on its way to {row.recipient} again.")


_bulk.hang(group, [(receipts.MANY, bill_of)], "its number, or the id of its session")


@group.command("approve")
@click.argument("session", type=int)
@click.option("--tariff-version", type=int, help="Id of the tariff version, where none applied.")
@reason_option
def approve(session: int, tariff_version: int | None, reason: str) -> None:
    """Bill a held session as it was measured."""
    with unit_of_work() as db:
        made = reviews.approve(
            db, cli.ACTOR, review_of(db, session), note=reason, now=cli.now(),
            tariff_version_id=tariff_version,
        )  # fmt: skip
        _say(made)


@group.command("correct")
@click.argument("target")
@kwh_option
@reason_option
def correct(target: str, kwh: Decimal | None, reason: str) -> None:
    """Bill another energy: of a held session (its id), or of a bill (its number).

    A bill without --kwh is counted again from its readings.
    """
    wh = None if kwh is None else kwh * 1000
    with unit_of_work() as db:
        session, named = named_by(db, target)
        if session.billing is BillingState.HELD:
            if wh is None:
                raise Conflict("Name the right energy with --kwh, or approve the session.")
            review = review_of(db, session.id)
            _say(reviews.approve(db, cli.ACTOR, review, energy_wh=wh, note=reason, now=cli.now()))
        else:
            made = billing.correct(
                db, cli.ACTOR, session, reason=reason, now=cli.now(), energy_wh=wh, named=named
            )
            _say(made)


@group.command("keep")
@click.argument("session", type=int)
@reason_option
def keep(session: int, reason: str) -> None:
    """Leave the bill of a held session as it is, whatever was told later."""
    with unit_of_work() as db:
        _say(reviews.keep(db, cli.ACTOR, review_of(db, session), note=reason, now=cli.now()))


@group.command("waive")
@click.argument("target")
@reason_option
def waive(target: str, reason: str) -> None:
    """Charge nothing: for a held session (its id), or take a bill back (its number)."""
    with unit_of_work() as db:
        session, named = named_by(db, target)
        if session.billing is BillingState.HELD:
            reviews.waive(db, cli.ACTOR, review_of(db, session.id), note=reason, now=cli.now())
            click.echo(f"Session {session.id} costs nothing.")
        else:
            made = billing.refund(db, cli.ACTOR, session, reason=reason, now=cli.now(), named=named)
            _say(made)


def _say(bill: Bill) -> None:
    total = from_minor(bill.gross_minor, bill.currency)
    click.echo(f"{bill.number} {bill.kind.value} {total} {bill.currency}")
