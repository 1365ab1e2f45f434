"""Everything of ours that the cells of a file may name, read once."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.domain.ground.errors import Invalid
from app.domain.ground.vocabulary import Token
from app.models import Driver, Site, Station, TagGroup


def spaced(name: str) -> str:
    """The form in which names are compared: neither case nor the number of blanks counts."""
    return " ".join(name.split()).casefold()


class Books:
    """Drivers, groups, sites and stations of a tenant by their names, and their names by id."""

    def __init__(self, db: Session, tenant_id: int, zone: str) -> None:
        self.zone = ZoneInfo(zone)
        self._names: dict[str, dict[int, str]] = {}

        def all_of(model: Any, noun: str, name: str) -> Sequence[Any]:
            rows = db.scalars(select(model).where(model.tenant_id == tenant_id)).all()
            self._names[noun] = {row.id: getattr(row, name) for row in rows}
            return rows

        living = [row for row in all_of(Driver, "driver", "name") if row.archived_at is None]
        self.drivers = _unambiguous(living)
        groups = all_of(TagGroup, "group", "name")
        self.groups = {spaced(Token(row.parent).key): row.id for row in groups}
        self.groups |= {spaced(row.name): row.id for row in groups}
        self.sites = {spaced(row.name): row.id for row in all_of(Site, "site", "name")}
        stations = all_of(Station, "station", "identity")
        self.stations = {spaced(row.identity): row.id for row in stations}

    def name(self, noun: str, number: int | None) -> str:
        """What a thing is called; empty for none."""
        return self._names[noun].get(number, "") if number is not None else ""

    @staticmethod
    def one(cell: str, known: Mapping[str, int], noun: str) -> int | None:
        """The id of what a cell names, None for an empty one; raises `Invalid`."""
        if not cell.strip():
            return None
        found = known.get(spaced(cell))
        if found is None:
            raise Invalid(f"There is no {noun} “{cell.strip()}”.")
        return found


def _unambiguous(drivers: Sequence[Driver]) -> dict[str, int]:
    """Drivers by e-mail address, and by name where only one has it."""
    counts = Counter(spaced(driver.name) for driver in drivers)
    found = {spaced(row.name): row.id for row in drivers if counts[spaced(row.name)] == 1}
    return found | {driver.email_key: driver.id for driver in drivers if driver.email_key}
