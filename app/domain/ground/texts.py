"""Texts and numbers as people and stations give them, made fit to keep and to compare."""

import ipaddress
import json
import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any, TypeVar

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from app.domain.ground.errors import Invalid, NotFound, Taken

Row = TypeVar("Row")

#: Marks a sentence for the catalogue; it is translated when it is said.
N_ = str


#: They are a matter of spelling, in Persian as in Hindi; whatever else cannot be seen only hides
#: that two names differ, or turns round what stands beside it.
_JOINERS = "\u200c\u200d"
#: What a letter bears, once it is parted from it.
_MARKS = re.compile("[\u0300-\u036f]")
_NOT_IN_A_LINE = frozenset({"Cc", "Cs", "Zl", "Zp"})


def line(value: str | None, word: str, limit: int, *, field: str, required: bool = False) -> str:
    """Return one line of text in NFC, without what cannot be seen but joiners.

    `word` is what the sentence of `Invalid` calls it.
    """
    text = unicodedata.normalize("NFC", _seen(value or "", but=_JOINERS)).strip()
    if required and not key(text):
        raise Invalid(f"{word} is missing.", field=field)
    if len(text) > limit:
        raise Invalid(f"{word} may have {limit} characters at most.", field=field)
    if any(unicodedata.category(char) in _NOT_IN_A_LINE for char in text):
        raise Invalid(f"{word} holds a control character.", field=field)
    return text


class ToldTwice(ValueError):
    """An object of JSON names something twice, of which only the last would count."""


def twice(pairs: list[tuple[str, Any]]) -> list[str]:
    """The names of the members that an object of JSON holds more than once."""
    counted = Counter(name for name, _ in pairs)
    return [name for name, count in counted.items() if count > 1]


def document(given: str | bytes, numbers: Callable[[str], Any] = float) -> Any:
    """What people wrote as JSON, in UTF-8 or UTF-16; `numbers` reads those with decimals.

    Raises `ValueError` with what is wrong, `ToldTwice` among them.
    """

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        for name in twice(pairs):
            raise ToldTwice(f"names “{name[:60]}” twice")
        return dict(pairs)

    def no_number(word: str) -> None:
        raise ValueError(f"{word} is no number")

    try:
        return json.loads(
            given, parse_float=numbers, parse_constant=no_number, object_pairs_hook=once
        )
    except RecursionError:
        raise ValueError("it is nested too deeply") from None


def row_id(text: str | None) -> int | None:
    """The id of a row that a text is; None for any other text."""
    is_id = text and text.isascii() and text.isdigit() and len(text) < 19
    return int(text) if text and is_id else None


def key(text: str) -> str:
    """The form in which names are compared: case does not count, nor what cannot be seen."""
    return unicodedata.normalize("NFC", _seen(text)).strip().casefold()


def sorting(text: str) -> str:
    """The form in which names are put in order: neither case nor the marks of letters count."""
    if text.isascii():
        return text.lower()
    bare = _MARKS.sub("", unicodedata.normalize("NFKD", text))
    return bare.lower().replace("ß", "ss")


def _seen(text: str, *, but: str = "") -> str:
    """A text without format characters, `but` for some."""
    if text.isascii():
        return text
    return "".join(char for char in text if char in but or unicodedata.category(char) != "Cf")


#: One @, a dot after it, and nothing that could end the address within a mail's header.
_PLAUSIBLE = re.compile(
    r"[^@\s<>(),:;\"\\\[\]]+@[^@\s<>(),:;\"\\\[\].]+(\.[^@\s<>(),:;\"\\\[\].]+)+"
)


def email(value: str | None, *, field: str = "email") -> str | None:
    """Return a plausible address as typed, None for none; raises `Invalid`."""
    text = line(value, "The e-mail address", 254, field=field)
    if text and not _PLAUSIBLE.fullmatch(text):
        raise Invalid(f"“{text}” is not an e-mail address.", field=field)
    return text or None


IpAddress = ipaddress.IPv4Address | ipaddress.IPv6Address


def ip_address(text: str | None) -> IpAddress | None:
    """The address that a text is; None for what is none.

    A listener on IPv6 sees callers of IPv4 as `::ffff:192.0.2.7`: they are taken for what they are,
    or all of them would be one and the same household.
    """
    try:
        found = ipaddress.ip_address((text or "").partition("%")[0])
    except ValueError:
        return None
    return getattr(found, "ipv4_mapped", None) or found


def household(text: str | None) -> str:
    """Whose address it is: of IPv6, the network of 64 bits that one household has."""
    found = ip_address(text)
    if isinstance(found, ipaddress.IPv6Address):
        return str(ipaddress.ip_network((found, 64), strict=False))
    return text or "" if found is None else str(found)


def request_number(now: datetime) -> int:
    """A number that no other request of the last weeks has, within 31 bits."""
    return int(now.timestamp() * 1000) % 2**31


def fitting_number(number: int, most: int = 2**31 - 1) -> int:
    """A number as a column can hold it: what is beyond is cut, for it means nothing anyway."""
    return max(0, min(number, most))


def finder(model: type[Row], noun: str, by: str = "name_key") -> Callable[[Session, int, str], Row]:
    """What finds a tenant's row by its name (any case) or its id; it raises `NotFound`."""
    of: Any = model

    def named(db: Session, tenant_id: int, typed: str) -> Row:
        query = select(model).where(of.tenant_id == tenant_id)
        row = db.scalar(query.where(getattr(of, by) == key(typed)))
        if row is None and (number := row_id(typed)) is not None:
            row = db.scalar(query.where(of.id == number))
        if row is None:
            raise NotFound(f"There is no {noun} called {typed}.", field=noun)
        return row

    return named


@contextmanager
def unless_taken(db: Session, sentence: str, field: str | None = None) -> Iterator[None]:
    """Write what is done within; raises `Taken` with that sentence where another was faster."""
    try:
        with db.begin_nested():
            yield
    except IntegrityError:
        raise Taken(sentence, field=field) from None


def rename(db: Session, row: Any, name: str, taken: str) -> None:
    """Give a row a name; raises `Taken` with that sentence where its tenant has it, in any case."""
    # The table, not the entity: a name is taken even where the asker may not look.
    table = type(row).__table__
    twin = select(table.c.id).where(
        table.c.tenant_id == row.tenant_id, table.c.name_key == key(name)
    )
    with db.no_autoflush:
        if db.scalar(twin) not in (None, row.id):
            raise Taken(taken, field="name")
    row.name, row.name_key = name, key(name)
