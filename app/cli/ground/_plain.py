"""The usual commands of a plain noun, hung on its group one by one; `app/resource.py` has them."""

from collections.abc import Callable, Sequence
from decimal import Decimal, InvalidOperation
from enum import Enum
from pathlib import Path
from typing import Any

import click
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.cli.ground import _shared as cli
from app.domain.ground.errors import Invalid
from app.domain.money import tariff_book
from app.resource import Resource
from app.schemas import glossary
from app.schemas.base import Schema
from app.uow import unit_of_work

#: Turns the options that were typed into what the operation takes; the row is None for a new one.
Read = Callable[[Session, int, dict[str, Any], Any], dict[str, Any]]


def given(db: Session, tenant_id: int, values: dict[str, Any], row: Any = None) -> dict[str, Any]:
    """Leave out what was not typed, and find the tariff by its name; '' is none."""
    found = {name: value for name, value in values.items() if value is not None}
    if (name := found.pop("tariff", None)) is not None:
        found["tariff_id"] = tariff_book.named(db, tenant_id, name).id if name else None
    return found


def asked(of: Resource) -> list[Any]:
    """The options of what a noun's schema asks for; what a row is called is no option."""
    return [option(of.schema, name) for name in of.schema.asked() if name != of.called]


def option(schema: type[Schema], name: str) -> Any:
    """The option that gives a member of a schema, with the schema's word for it."""
    info, kind = schema.model_fields[name], schema.type_of(name)
    said = name.replace("_", "-")
    flag = f"--{said}/--no-{said}" if kind is bool else f"--{said}"
    if issubclass(kind, Enum):
        kind = click.Choice([each.value for each in kind])
    told = info.description or glossary.words(schema.__name__, name)
    return click.option(flag, type=str if kind is Decimal else kind, default=None, help=told)


def _exact(name: str, text: str) -> Decimal | None:
    try:
        return Decimal(text) if text else None
    except InvalidOperation:
        raise Invalid(f"{text} is no number.", field=name) from None


class Plain:
    """A noun whose rows are added, listed, shown, changed, put away and exported in the usual way.

    Each method hangs one command on the group, with the help that it shows.  `argument` names a
    row; it may be given what its schema asks for and the `options` beside, `read` turns these into
    what its operations take; sentences name a `bare` row without its noun.
    """

    def __init__(
        self,
        group: cli.Group,
        of: Resource,
        argument: str = "name",
        options: Sequence[Any] = (),
        read: Read = given,
        *,
        bare: bool = False,
    ) -> None:
        self.group, self.of, self.read = group, of, read
        self.options = [*asked(of), *options]
        self.argument, self.the = argument, "" if bare else f"the {of.noun} "

    def add(self, help: str, said: Callable[[Any], str], *, json: bool = True) -> None:
        """Hang `add`; `said` is what is printed of the new row, unless it is printed as JSON."""

        def add(as_json: bool = False, **values: object) -> None:
            with unit_of_work() as db:
                tenant_id = cli.the_tenant(db).id
                wanted = self._wanted(db, tenant_id, values, None)
                row = self.of.add(db, cli.ACTOR, tenant_id, now=cli.now(), **wanted)
            if as_json:
                cli.print_row(row, self.of.columns, json=True)
            else:
                click.echo(said(row))

        asked = [*self.options, *([cli.json_option] if json else [])]
        self._hang(add, help, click.argument(self.of.called), *asked, names_one=False)

    def list(self, help: str, shown: str = "") -> None:
        """Hang `list`; without --json only the columns `shown` are printed."""

        def list_(archived: bool, as_json: bool) -> None:
            columns = self.of.columns if as_json or not shown else self.of.only(shown)
            cli.print_rows(self.rows(archived=archived), columns, json=as_json)

        flag = click.option("--archived", is_flag=True, help="Also those in the archive.")
        self._hang(list_, help, flag, cli.json_option, names_one=False)

    def rows(self, *, archived: bool) -> Sequence[Any]:
        """All rows in the noun's order; those in the archive with `archived` only."""
        query = select(self.of.model).options(*self.of.loaded).order_by(*self.of.order)
        if not archived:
            query = query.where(self.of.model.archived_at.is_(None))
        return cli.reading().scalars(query).all()

    def show(self, help: str) -> None:
        """Hang `show`."""

        def show(as_json: bool, **argument: str) -> None:
            row = self.named(cli.reading(), argument[self.argument])
            cli.print_row(row, self.of.columns, json=as_json)

        self._hang(show, help, cli.json_option)

    def edit(self, help: str, *options: Any) -> None:
        """Hang `edit`: what is not given stays; whatever is found by its name may be renamed."""

        def edit(**values: Any) -> None:
            name = values.pop(self.argument)
            if "new_name" in values:
                values["name"] = values.pop("new_name")
            with unit_of_work() as db:
                row = self.named(db, name)
                wanted = self._wanted(db, row.tenant_id, values, row)
                self.of.edit(db, cli.ACTOR, row, now=cli.now(), **wanted)
            click.echo(f"Changed {self.the}{self.of.name_of(row)}.")

        renamed = click.option("--name", "new_name", help="A new name.")
        own = options or ([renamed] if self.argument == "name" else [])
        self._hang(edit, help, *own, *self.options)

    def archive(self, help: str, undo: str = "Take it out of the archive.") -> None:
        """Hang `archive`, which with --undo restores."""

        the = f"{self.the}{{row.{self.of.called}}}."
        self.group.does(
            *("archive", self.named, self.of.archive, f"Archived {the}", help),
            argument=self.argument,
            undo=(self.of.restore, f"Restored {the}", undo),
        )

    def does(self, act: Any, done: str, help: str) -> None:
        """Hang a command that does one thing to a row and says that it is `done`."""
        said = f"{done} {self.the}{{row.{self.of.called}}}."
        self.group.does(act.__name__, self.named, act, said, help, argument=self.argument)

    def export(
        self, help: str, columns: str = "", *, archived: bool = False, zone: bool = True
    ) -> None:
        """Hang `export`: a CSV file of all rows (with `archived` those put away, too)."""

        def export(path: Path | None, timezone: str | None = None) -> None:
            at = cli.zone_of(cli.reading(), timezone) if zone else "UTC"
            told = self.of.only(columns) if columns else self.of.columns
            cli.write_csv(path, told, self.rows(archived=archived), at)

        to = click.argument("path", required=False, type=cli.TO)
        self._hang(export, help, to, *([cli.zone_option] if zone else []), names_one=False)

    def named(self, db: Session, name: str) -> Any:
        """The row of a name; raises `NotFound`."""
        return self.of.named(db, cli.the_tenant(db).id, name)

    def _wanted(
        self, db: Session, tenant_id: int, values: dict[str, Any], row: Any
    ) -> dict[str, Any]:
        wanted = self.read(db, tenant_id, values, row)
        for name in self.of.schema.asked():
            if name in wanted and self.of.schema.type_of(name) is Decimal:
                wanted[name] = _exact(name, wanted[name])
        return wanted

    def _hang(self, command: Any, help: str, *options: Any, names_one: bool = True) -> None:
        name = command.__name__.strip("_")
        argument = [click.argument(self.argument)] if names_one else []
        self.group.hang(name, command, help, *argument, *options)
