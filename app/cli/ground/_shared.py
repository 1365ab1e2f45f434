"""What all command groups share: who acts, which tenant, plain errors, lists in two forms."""

import functools
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from enum import Enum
from pathlib import Path
from typing import Any, NoReturn, TypeVar
from zoneinfo import ZoneInfo

import click
from click.core import ParameterSource
from flask.cli import AppGroup, with_appcontext
from sqlalchemy import select
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from app.domain.ground import clock, texts
from app.domain.ground.errors import DomainError, Invalid, NotFound
from app.domain.ground.vocabulary import Actor
from app.domain.network import stations, tenants
from app.extensions import db as flask_db
from app.models import Site, Tenant
from app.process.clock import utc_now
from app.schemas import answers
from app.uow import unit_of_work
from app.web import spreadsheet

#: Who did it, in the audit.
ACTOR = Actor("command line")

Row = TypeVar("Row")
#: A list's column: its heading (the key in JSON) and how to read it off a row.
Column = tuple[str, Callable[[Any], Any]]

#: For exports and imports, where `zone_of` reads it.
zone_option = click.option("--timezone", help="Of times; without it, the sites' own, else UTC.")
#: A file that is read, and one that is written: `-` is standard input and output.
FROM = click.Path(exists=True, dir_okay=False, allow_dash=True, path_type=Path)
TO = click.Path(dir_okay=False, allow_dash=True, path_type=Path)
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


def limit_option(usual: int = 100, most: int = 100_000) -> Callable[[Any], Any]:
    """How many rows a list prints."""
    kind = click.IntRange(1, most)
    return click.option(
        "--limit", type=kind, default=usual, show_default=True, help="So many at most."
    )


def now() -> datetime:
    """The time at which the command runs."""
    return utc_now()


def reading() -> Session:
    """The database session for a command that changes nothing; it sees everything."""
    return flask_db.session()


def the_tenant(db: Session) -> Tenant:
    """The installation's tenant."""
    return tenants.first(db, now=now())


def by_name(find: Callable[[Session, int, str], Row]) -> Callable[[Session, str], Row]:
    """What finds a row of the installation's tenant by what it is called."""
    return lambda db, name: find(db, the_tenant(db).id, name)


#: Finds a station by its identity; raises `NotFound`.
station = by_name(stations.called)


def finds(model: type[Row], noun: str) -> Callable[[Session, Any], Row]:
    """What finds a row by its number, as it was typed or read; raises `NotFound`."""

    def find(db: Session, typed: int | str) -> Row:
        found = db.get(model, texts.row_id(str(typed)) or 0)
        if found is None:
            raise NotFound(f"There is no {noun} {typed}.")
        return found

    return find


def typed(values: Mapping[str, Any]) -> dict[str, Any]:
    """What was typed of some options; one that may be repeated was if it was once."""
    return {name: value for name, value in values.items() if value not in (None, ())}


def instant(option: str, text: str | None, *, end: bool = False) -> datetime | None:
    """A day or an instant, in UTC; with `end`, a day is meant with all its hours."""
    if text is None:
        return None
    try:
        at = datetime.fromisoformat(text)
        if end and len(text.strip()) == 10:
            at += timedelta(days=1)
        return (at if at.tzinfo else at.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        raise Invalid(f"{option} is no date: {text}. Write 2026-03-01.") from None


def together(*options: Any) -> Callable[[Any], Any]:
    """What adds some arguments and options to a command, in their order."""

    def add(command: Any) -> Any:
        for option in reversed(options):
            command = option(command)
        return command

    return add


def fail(sentence: str) -> NoReturn:
    """Say what is wrong on standard error and end with status 1."""
    click.echo(sentence, err=True)
    raise SystemExit(1)


class Group(AppGroup):
    """Commands that each run in an app context and fail plainly."""

    def hang(self, name: str, command: Callable[..., None], help: str, *options: Any) -> None:
        """Hang a command that takes these arguments and options."""
        self.command(name, help=help)(together(*options)(command))

    def does(
        self,
        name: str,
        find: Callable[[Session, Any], Any],
        act: Any,
        said: str,
        help: str,
        *options: Any,
        argument: str = "name",
        type: Any = str,
        undo: tuple[Any, str, str] | None = None,
    ) -> None:
        """Hang a command that does one thing to the row that its `argument` names.

        `find(db, what was typed)` finds it; the options go to `act(db, ACTOR, row, now=…)` by name.
        What is `said` may hold the `row`, what was `named` and what the act `made`.  With --undo
        it does and says the other thing, which its help tells.
        """

        def do(undo_it: bool = False, **given: Any) -> None:
            named = given.pop(argument)
            doing, saying = undo[:2] if undo and undo_it else (act, said)
            with unit_of_work() as db:
                row = find(db, named)
                made = doing(db, ACTOR, row, now=now(), **given)
                sentence = saying.format(row=row, made=made, named=named)
            click.echo(sentence)

        flag = [click.option("--undo", "undo_it", is_flag=True, help=undo[2])] if undo else []
        self.hang(name, do, help, click.argument(argument, type=type), *options, *flag)

    def add_command(self, cmd: click.Command, name: str | None = None) -> None:
        """Add a command to the group, wherever it was made."""
        if cmd.callback is not None and not isinstance(cmd, click.Group):
            does = _changing(cmd.callback) if (name or cmd.name) == "edit" else cmd.callback
            cmd.callback = _failing_plainly(with_appcontext(does))
        super().add_command(cmd, name)


def _failing_plainly(command: Callable[..., Any]) -> Callable[..., Any]:
    """Turn a refused operation into one sentence on standard error and exit status 1."""

    @functools.wraps(command)
    def guarded(*arguments: object, **named: object) -> Any:
        try:
            return command(*arguments, **named)
        except DomainError as error:
            fail(error.sentence)
        except OperationalError as error:
            if "no such" not in str(error.orig) and "does not exist" not in str(error.orig):
                fail(f"The database cannot be used: {error.orig}")
            fail("The database is behind its migrations: run `flask --app wsgi db upgrade`.")

    return guarded


def _changing(edit: Callable[..., Any]) -> Callable[..., Any]:
    """Refuse an edit that is asked for with nothing but a name."""

    @functools.wraps(edit)
    def guarded(**named: object) -> Any:
        asked = click.get_current_context()
        free = [one.name or "" for one in asked.command.params if not one.required]
        if all(asked.get_parameter_source(one) is ParameterSource.DEFAULT for one in free):
            raise click.UsageError("Say what is to be different.")
        return edit(**named)

    return guarded


def plain(value: object) -> Any:
    """A value as JSON knows it: times with Z, exact numbers as text."""
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    return answers.plain(value)


def print_rows(rows: Iterable[Any], columns: Sequence[Column], *, json: bool = False) -> None:
    """Print a list: aligned columns under headings, or a JSON array of objects."""
    table = [[plain(read(row)) for _, read in columns] for row in rows]
    headings = [heading for heading, _ in columns]
    if json:
        print_json([dict(zip(headings, cells, strict=True)) for cells in table])
        return
    if not table:
        click.echo("None.", err=True)
        return
    lines = [headings, *[[_cell(value) for value in cells] for cells in table]]
    widths = [max(len(line[place]) for line in lines) for place in range(len(headings))]
    for line in lines:
        cells = (text.ljust(width) for text, width in zip(line, widths, strict=True))
        click.echo("  ".join(cells).rstrip())


def print_row(row: Any, columns: Sequence[Column], *, json: bool = False) -> None:
    """Print one thing: a heading and its value per line, or a JSON object."""
    pairs = [(heading, plain(read(row))) for heading, read in columns]
    if json:
        print_json(dict(pairs))
        return
    width = max(len(heading) for heading, _ in pairs)
    for heading, value in pairs:
        click.echo(f"{heading.ljust(width)}  {_cell(value)}".rstrip())


def print_json(value: object) -> None:
    """Print a value as indented JSON."""
    click.echo(json.dumps(value, indent=2, ensure_ascii=False, default=str))


def _cell(value: object) -> str:
    if value is None or value == "":
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(str(item) for item in value) or "-"
    if isinstance(value, dict):
        return json.dumps(value, ensure_ascii=False)
    return printable(str(value))


def printable(text: str) -> str:
    """A text as a terminal may show it: what a charger or a file holds must not steer it."""
    text = text.replace("\u00a0", " ")
    return "".join(char if char.isprintable() else "?" for char in text)


def contents(path: Path) -> bytes:
    """What a file holds, or standard input."""
    with click.open_file(str(path), "rb") as file:
        return bytes(file.read())


def text(path: Path) -> str:
    """What a file of text holds, in UTF-8 or UTF-16; raises `Invalid`."""
    data = contents(path)
    try:
        return data.decode(json.detect_encoding(data))
    except UnicodeDecodeError:
        raise Invalid(f"{path} is no text; a certificate is wanted in PEM form.") from None


def document(path: Path) -> Any:
    """What a file with JSON holds, numbers kept exact; raises `Invalid`."""
    try:
        return texts.document(contents(path), Decimal)
    except texts.ToldTwice as error:
        raise Invalid(f"{path} {error}.") from None
    except ValueError as error:
        raise Invalid(f"{path} is no file with JSON: {error}.") from None


def write_csv(
    path: Path | None, columns: Sequence[Column], rows: Iterable[Any], zone: str = "UTC"
) -> None:
    """Write rows as CSV to `path`, or to standard output; times on the clock of `zone`."""
    cells = ([_in_file(read(row)) for _, read in columns] for row in rows)
    parts = spreadsheet.lines([heading for heading, _ in columns], cells, ZoneInfo(zone))
    if path in (None, Path("-")):
        for part in parts:
            click.echo(part, nl=False)
        return
    with path.open("w", encoding="utf-8", newline="") as file:
        file.writelines(parts)
    click.echo(f"Wrote {path}.", err=True)


def _in_file(value: object) -> Any:
    """A value as `spreadsheet.cell` takes it: words of ours as they are, lists in one cell."""
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, list | tuple):
        return " | ".join(str(plain(item)) for item in value)
    return value


def zone_of(db: Session, wanted: str | None) -> str:
    """The time zone that was asked for; else the one that all sites share, else UTC."""
    if wanted is None:
        zones = set(db.scalars(select(Site.timezone).where(Site.archived_at.is_(None))))
        return zones.pop() if len(zones) == 1 else "UTC"
    return clock.zone_name(wanted)
