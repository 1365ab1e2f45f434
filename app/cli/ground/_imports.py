"""What the imports of the command line share: their options, and what is said of a plan."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import click
from sqlalchemy.orm import Session

from app.cli.ground import _shared as cli
from app.domain.access.imports import sheet
from app.domain.access.imports.headings import Vocabulary
from app.domain.access.imports.plans import Options, Plan, PlannedRow, RowError
from app.domain.ground.errors import Invalid
from app.uow import in_units

#: Adds what every import takes: the file, and what may be agreed to beforehand.
options = cli.together(
    click.argument("path", type=cli.FROM),
    click.option("--valid-only", is_flag=True, help="Import the valid rows though others are not."),
    click.option("--dry-run", is_flag=True, help="Only say what would happen, row by row."),
    click.option("--ignore-columns", "leave_out", is_flag=True,
                 help="Leave columns out that are not understood."),
)  # fmt: skip
unblock_option = click.option(
    "--unblock", is_flag=True, help="Unblock what is blocked here and active in the file."
)


def read(path: Path, known: Vocabulary) -> sheet.Table:
    """Read a file; raises `Invalid`."""
    with click.open_file(str(path), "rb") as file:
        data = file.read(2 * sheet.MOST_BYTES + 1)
    if len(data) > 2 * sheet.MOST_BYTES:
        raise Invalid(f"The file has more than {sheet.MOST_BYTES // 1_000_000} MB.")
    return sheet.read(data, known)


def carry_out(
    noun: Any,
    planned: Plan[Any],
    agreed: Options,
    *,
    valid_only: bool,
    dry_run: bool,
    tenant_id: int,
) -> None:
    """Say what a file is understood as, and write it in units by the module of its `noun`."""
    look_through(planned, agreed, valid_only=valid_only, dry_run=dry_run)
    if dry_run:
        return
    told, now = len(planned.errors), cli.now()

    def write(db: Session, rows: Sequence[PlannedRow]) -> None:
        noun.carry_out(db, cli.ACTOR, planned, rows, tenant_id=tenant_id, now=now)

    in_units([*planned.rows], write)
    tell_errors(planned.errors[told:])


def tell_errors(errors: Iterable[RowError]) -> None:
    """Say what is wrong with which lines."""
    for error in errors:
        click.echo(cli.printable(f"Line {error.number}: {error.sentence}"), err=True)


def look_through(planned: Plan[Any], agreed: Options, *, valid_only: bool, dry_run: bool) -> None:
    """Say what a file is understood as, row by row where it matters.

    Ends with status 1 when nothing may be written.
    """
    for note in planned.notes:
        click.echo(cli.printable(note), err=True)
    tell_errors(planned.errors)
    for row in planned.rows:
        for warning in row.warnings:
            click.echo(cli.printable(f"Line {row.number}: {row.value}: {warning}"), err=True)
    if planned.groups and not agreed.make_groups:
        click.echo("--make-groups makes the groups that do not exist.", err=True)
    if planned.blocked and not agreed.unblock:
        click.echo(f"--unblock lets these in again: {', '.join(planned.blocked[:20])}.", err=True)
    if dry_run:
        _tell(planned)
    if planned.unknown and not agreed.leave_out:
        cli.fail(f"{planned.doubt} --ignore-columns leaves out what is not understood.\n"
                 "Nothing was imported.")  # fmt: skip
    if planned.errors and not valid_only and not dry_run:
        cli.fail("Nothing was imported.")
    added, changed, same = (planned.count(what) for what in ("add", "update", "same"))
    would = "Would import" if dry_run else "Imported"
    click.echo(f"{would}: {added} new, {changed} changed, {same} as they were.")


def _tell(planned: Plan[Any]) -> None:
    """What each row becomes: the facts of a new one, and what changes of a known one."""
    words = {"add": "new", "update": "changes", "same": "as it is"}
    for row in planned.rows:
        facts = [
            f"{fact.word}: {fact.old or '-'} -> {fact.new or '-'}" if fact.changed
            else f"{fact.word}: {fact.new}"
            for fact in row.told
            if fact.changed or (row.what == "add" and fact.new)
        ]  # fmt: skip
        told = "; ".join([words[row.what], *facts])
        click.echo(cli.printable(f"Line {row.number}: {row.value}: {told}"), err=True)
