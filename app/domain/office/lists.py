"""How members of staff want their lists: filters kept by a name, and what a list shows at first."""

from collections.abc import Iterable
from datetime import datetime
from typing import Protocol
from urllib.parse import parse_qsl, urlencode

from sqlalchemy import Select, bindparam, func, or_, select
from sqlalchemy.orm import Session

from app.domain.ground import texts
from app.domain.ground.bulk import made_once
from app.domain.ground.errors import Forbidden, Invalid, Taken
from app.domain.ground.vocabulary import Actor
from app.domain.office import audit
from app.models import ListChoice, SavedFilter

#: Filters that one person may keep of one list.
MOST_KEPT = 40
_MOST_QUERY, _MOST_AWAY, _LONGEST_NAME = 1000, 30, 40
#: What in an address is where somebody reads just now, not what is looked for.
_PASSING = {"page", "after", "before", "format", "filter"}


class Person(Protocol):
    """Whose lists they are: a member of staff."""

    id: int
    tenant_id: int


def bare(query: str) -> str:
    """A filter as it is kept: what is looked for, without what was left empty and where one is."""
    pairs = [(name, value) for name, value in parse_qsl(query) if name not in _PASSING]
    return urlencode(pairs)


def save(
    db: Session,
    actor: Actor,
    user: Person,
    page: str,
    *,
    name: str,
    query: str,
    now: datetime,
    shared: bool = False,
) -> SavedFilter:
    """Keep a filter of a page by a name; raises `Invalid` or `Taken`."""
    text = texts.line(name, "The name", 60, field="name", required=True)
    kept = bare(query)
    if not kept:
        raise Invalid("Filter the list first, then save the filter.")
    if len(kept) > _MOST_QUERY:
        raise Invalid("This filter is too long to be kept.")
    own = (SavedFilter.user_id == user.id, SavedFilter.page == page)
    if (db.scalar(select(func.count(SavedFilter.id)).where(*own)) or 0) >= MOST_KEPT:
        raise Invalid(f"More than {MOST_KEPT} filters of one list are not kept: delete one first.")
    if db.scalar(select(SavedFilter.id).where(*own, SavedFilter.name_key == texts.key(text))):
        raise Taken(f"You have a filter named {text} already.", field="name")
    row = SavedFilter(
        tenant_id=user.tenant_id,
        user_id=user.id,
        page=page,
        name=text,
        name_key=texts.key(text),
        query=kept,
        shared=shared,
        created_at=now,
    )
    return audit.added(db, actor, "filter.save", row, now=now)


def delete(
    db: Session, actor: Actor, user: Person, row: SavedFilter, *, now: datetime, others: bool
) -> None:
    """Delete a filter of one's own or, where `others` may be, a shared one; raises `Forbidden`."""
    if row.user_id != user.id and not (row.shared and others):
        raise Forbidden("Only an admin may delete a filter that somebody else shared.")
    audit.note(db, actor, "filter.delete", row, now=now)
    for choice in db.scalars(select(ListChoice).where(ListChoice.filter_id == row.id)):
        choice.filter_id = None
    db.delete(row)
    db.flush()


@made_once
def _seen() -> Select[SavedFilter]:
    mine = SavedFilter.user_id == bindparam("user")
    query = select(SavedFilter).where(
        SavedFilter.tenant_id == bindparam("tenant"),
        SavedFilter.page == bindparam("page"),
        or_(mine, SavedFilter.shared),
    )
    order = (mine.desc(), SavedFilter.name_key, SavedFilter.id)
    return query.order_by(*order).limit(2 * MOST_KEPT)


@made_once
def _choice() -> Select[ListChoice]:
    mine = ListChoice.user_id == bindparam("user")
    return select(ListChoice).where(mine, ListChoice.page == bindparam("page"))


def seen(db: Session, user: Person, page: str) -> list[SavedFilter]:
    """The filters of a page that a person may use: their own first, then those others share."""
    return list(db.scalars(_seen(), {"user": user.id, "tenant": user.tenant_id, "page": page}))


def choice(db: Session, user: Person, page: str) -> ListChoice | None:
    """How a person wants a page; None where they have not said."""
    return db.scalar(_choice(), {"user": user.id, "page": page})


def begin_with(db: Session, user: Person, page: str, row: SavedFilter | None) -> None:
    """Have a page begin with a filter for one person, or with everything."""
    _chosen(db, user, page).filter_id = None if row is None else row.id
    db.flush()


def put_away(db: Session, user: Person, page: str, columns: Iterable[str]) -> None:
    """Show a page without these columns to one person."""
    names = {name for name in columns if len(name) <= _LONGEST_NAME}
    _chosen(db, user, page).away = sorted(names)[:_MOST_AWAY]
    db.flush()


def _chosen(db: Session, user: Person, page: str) -> ListChoice:
    found = choice(db, user, page)
    if found is None:
        found = ListChoice(tenant_id=user.tenant_id, user_id=user.id, page=page, away=[])
        db.add(found)
    return found
