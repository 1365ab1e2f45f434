"""All that is kept of a driver as one ZIP: a page to read, and each kind of rows as JSON.

It is sent as it is written; no more of it is held than a piece.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from itertools import islice
from typing import Any
from zipfile import ZIP_DEFLATED, ZipFile

from sqlalchemy.orm import Session

from app.domain.access import forgetting
from app.domain.ground.vocabulary import Actor, Json
from app.domain.office import audit
from app.models import Driver
from app.queries.access import person
from app.schemas.answers import plain
from app.uow import unit_of_work
from app.web.listing import safe_name, write_page
from app.web.spreadsheet import Out

#: Rows of a kind that the page shows; the files have them all.
SHOWN = 200
_PART = 64 * 1024


def name_of(driver: Driver, now: datetime) -> str:
    """What the file is called: by its number, as names of people are no names of files."""
    return safe_name("driver", str(driver.id), f"{now:%Y-%m-%d}") + ".zip"


def pack(db: Session, actor: Actor, driver: Driver, *, now: datetime) -> Iterator[bytes]:
    """Note in the audit that the file is made, and write it piece by piece."""
    with unit_of_work() as work:
        audit.remark(work, actor, "driver.export", work.get_one(Driver, driver.id), now=now)
    return _pack(db, driver.id, now)


def _pack(db: Session, driver_id: int, now: datetime) -> Iterator[bytes]:
    driver = db.get_one(Driver, driver_id)
    db.expunge(driver)  # each piece of rows is a read of its own, and each would read them anew
    newest = {kind.name: list(islice(_rows(db, driver, kind), SHOWN + 1)) for kind in person.KINDS}
    out = Out()
    with ZipFile(out, "w", ZIP_DEFLATED, compresslevel=6) as archive:
        write_page(archive, "access/drivers/file.html", **_page(driver, newest, now))
        for kind in person.KINDS:
            found = newest.pop(kind.name)
            rows: Iterable[Json] = found if len(found) <= SHOWN else _rows(db, driver, kind)
            with archive.open(f"{kind.name}.json", "w") as file:
                before = b"[\n"
                for row in rows:
                    text = json.dumps(row, ensure_ascii=False)
                    file.write(before + text.encode())
                    before = b",\n"
                    if len(out) > _PART:
                        yield out.take()
                file.write(b"\n]\n" if before == b",\n" else b"[]\n")
            yield out.take()
    yield out.take()


def _rows(db: Session, driver: Driver, kind: person.Kind) -> Iterator[Json]:
    return map(plain, person.rows(db, driver, kind))


def _page(driver: Driver, newest: Mapping[str, list[Json]], now: datetime) -> dict[str, Any]:
    """What the page tells: each kind as a table of its newest rows."""
    tables = []
    for kind in person.KINDS:
        found = newest[kind.name]
        cells = [[_cell(row[name]) for name in kind.columns] for row in found[:SHOWN]]
        tables.append((kind, cells, len(found) > SHOWN))
    return {
        "name": driver.name,
        "tables": tables,
        "kept": forgetting.KEPT,
        "at": now.astimezone(UTC),
    }


def _cell(value: object) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
