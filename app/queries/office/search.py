"""One box that finds stations, tags, drivers, sessions, bills, sites and messages."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import or_, select
from sqlalchemy.orm import Session, joinedload

from app.domain.ground.vocabulary import Area, Right, Token
from app.domain.office import rights
from app.domain.office.rights import Rights
from app.models import Bill, ChargingSession, Driver, Message, Site, Station, Tag
from app.queries.ground.paging import alike, like
from app.queries.money import bills

#: Hits of one kind that are shown.
EACH = 8
LONGEST = 100


@dataclass(frozen=True, slots=True)
class Hits:
    """What was found of one kind; `exact` when the only hit is just what was typed."""

    kind: str
    rows: list[Any]
    exact: bool = False


def search(db: Session, text: str, held: Rights) -> list[Hits]:
    """Look for `text` wherever these rights reach; kinds without a hit are left out."""
    text = text.strip()[:LONGEST]
    if not text:
        return []
    looks = (look for area, look in LOOKS if rights.may(held, area, Right.READ))
    return [hits for look in looks if (hits := look(db, text)).rows]


def only_hit(found: list[Hits]) -> Hits | None:
    """Return the kind whose one row is exactly what was typed, if nothing else is as exact."""
    exact = [hits for hits in found if hits.exact]
    return exact[0] if len(exact) == 1 else None


def _stations(db: Session, text: str) -> Hits:
    columns = (Station.identity, Station.name, Station.serial, Station.vendor, Station.model)
    rows = _like(db, select(Station).where(Station.archived_at.is_(None)), columns, text)
    return Hits("stations", rows, _is(rows, lambda row: row.identity_key == text.casefold()))


def _tags(db: Session, text: str) -> Hits:
    token = Token(text)
    query = select(Tag).where(Tag.archived_at.is_(None)).options(joinedload(Tag.driver))
    rows = _like(db, query, (Tag.value, Tag.label), text)
    if not rows and token.bare_key:
        rows = list(db.scalars(query.where(Tag.bare_key == token.bare_key).limit(EACH)))
    return Hits("tags", rows, _is(rows, lambda row: row.bare_key == token.bare_key))


def _drivers(db: Session, text: str) -> Hits:
    query = select(Driver).where(Driver.archived_at.is_(None))
    rows = _like(db, query, (Driver.name, Driver.email), text)
    return Hits("drivers", rows, _is(rows, lambda row: row.email_key == text.casefold()))


def _sessions(db: Session, text: str) -> Hits:
    plain = text.replace(" ", "").replace("\u202f", "").lstrip("#")
    query = select(ChargingSession).options(joinedload(ChargingSession.station))
    where = [ChargingSession.transaction_ref == text]
    if plain.isascii() and plain.isdigit() and len(plain) < 16:
        where.append(ChargingSession.id == int(plain))
    rows = list(
        db.scalars(query.where(or_(*where)).order_by(ChargingSession.id.desc()).limit(EACH))
    )
    return Hits("sessions", rows, _is(rows, lambda row: str(row.id) == plain))


def _bills(db: Session, text: str) -> Hits:
    query = select(Bill).where(Bill.number.in_(bills.numbered(db, text)))
    rows = list(db.scalars(query.order_by(Bill.id.desc()).limit(EACH)))
    return Hits("bills", rows, _is(rows, lambda row: row.number == "".join(text.split())))


def _sites(db: Session, text: str) -> Hits:
    query = select(Site).where(Site.archived_at.is_(None))
    rows = _like(db, query, (Site.name, Site.address), text)
    return Hits("sites", rows, _is(rows, lambda row: row.name_key == text.casefold()))


def _messages(db: Session, text: str) -> Hits:
    # By its whole id only: the log is long, and its own page searches within the texts.
    query = select(Message).where(Message.message_id == text)
    return Hits("messages", list(db.scalars(query.order_by(Message.id.desc()).limit(EACH))))


def _like(db: Session, query: Any, columns: tuple[Any, ...], text: str) -> list[Any]:
    found = query.where(alike(like(text), *columns))
    return list(db.scalars(found.order_by(columns[0]).limit(EACH)).unique())


def _is(rows: list[Any], same: Callable[[Any], bool]) -> bool:
    return len(rows) == 1 and same(rows[0])


LOOKS: tuple[tuple[Area, Callable[[Session, str], Hits]], ...] = (
    (Area.NETWORK, _stations),
    (Area.ACCESS, _tags),
    (Area.ACCESS, _drivers),
    (Area.CHARGING, _sessions),
    (Area.MONEY, _bills),
    (Area.NETWORK, _sites),
    (Area.OFFICE, _messages),
)
