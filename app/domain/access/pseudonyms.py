"""Words of people, found and replaced wherever they are written: in texts, columns and JSON."""

import json
import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy import JSON, ColumnElement, Text, and_, cast, or_, select, update
from sqlalchemy.orm import Session

from app.domain.office.messages import reading_of


def spellings(word: str) -> set[str]:
    """The forms of a word that no comparison without case finds by one another.

    “Groß” is GROSS in capitals, and a letter with its mark may be told as one sign or as two; of
    a word of plain letters there is one form.
    """
    if word.isascii():
        return {word}
    cased = {word, word.casefold(), word.lower(), word.upper()}
    return {unicodedata.normalize(form, one) for one in cased for form in ("NFC", "NFD")}


class Substitutes:
    """What stands for words within texts; a word may be a name of several."""

    def __init__(self, words: Mapping[str, str], *, shortest: int) -> None:
        """`words` of fewer than `shortest` letters are found by `whole` alone."""
        self._known = {form: made for word, made in words.items() for form in spellings(word)}
        self._folded = {form.casefold(): made for form, made in self._known.items()}
        long = sorted({word for word in self._known if len(word) >= shortest}, key=len)
        found = "|".join(map(re.escape, reversed(long)))
        self._long = re.compile(rf"(?<!\w)(?:{found})(?!\w)", re.IGNORECASE) if found else None

    def whole(self, text: str) -> str | None:
        """What stands for a text that is such a word as a whole; None when it is none."""
        return self._folded.get(text.strip().casefold())

    def within(self, text: str) -> str:
        """A text in which the words are replaced."""
        return text if self._long is None else self._long.sub(self._made, text)

    def _made(self, hit: re.Match[str]) -> str:
        if (made := self.whole(hit[0])) is not None:
            return made
        # Expressions take some letters for one (ı and i) that stay two when folded.
        fits = (re.fullmatch(re.escape(form), hit[0], re.IGNORECASE) for form in self._known)
        return next(made for made, fit in zip(self._known.values(), fits, strict=True) if fit)


#: A shorter word is replaced only where a tag stands: elsewhere it may mean anything.
_SHORT = 6
#: Members of JSON that hold a tag, in lower case and without signs between.
_OF_TAGS = frozenset(
    {"idtag", "parentidtag", "idtoken", "token", "stoptoken", "grouptoken", "value", "key"}
    | {"barekey", "tag"}
)
#: Rows that are read and written together.
_MOST = 500


class Pseudonyms:
    """What stands for each word; words are found in any case, and only whole."""

    def __init__(self, words: Mapping[str, str]) -> None:
        #: A database compares letters beyond a to z as they are written.
        self._spelled = sorted({form for word in words for form in spellings(word)})
        self._substitutes = Substitutes(words, shortest=_SHORT)

    def text(self, text: str) -> str:
        """A text with pseudonyms in it; one that is a word as a whole goes, however short."""
        if (whole := self._substitutes.whole(text)) is not None:
            return whole
        if (reading := reading_of(text)) != text and (made := self.text(reading)) != reading:
            return made  # in a frame that had to be repaired, no word has a sure place
        if text[:1] in ("{", "[") and isinstance(inner := _parsed(text), dict | list):
            with_them = self.value(inner)
            return text if with_them == inner else json.dumps(with_them, ensure_ascii=False)
        return self._substitutes.within(text)

    def value(self, value: Any, member: str = "") -> Any:
        """Anything that JSON can hold, with pseudonyms in it; `member` is where it stands."""
        if isinstance(value, dict):
            within = self._substitutes.within
            return {within(name): self.value(of, name) for name, of in value.items()}
        if isinstance(value, list):
            return [self.value(of, member) for of in value]
        if not isinstance(value, str):
            return value
        if re.sub("[^a-z]", "", member.lower()) in _OF_TAGS:
            return self.text(value)
        return self._substitutes.within(value)

    def held_in(self, columns: Sequence[Any]) -> ColumnElement[bool]:
        """The condition that one of the columns seems to hold a word."""
        return or_(*self._conditions(columns))

    def _conditions(self, columns: Sequence[Any]) -> Iterator[ColumnElement[bool]]:
        for column in columns:
            is_json = isinstance(column.type, JSON)
            text = cast(column, Text) if is_json else column
            for word in self._spelled:
                wanted = json.dumps(word, ensure_ascii=False)[1:-1] if is_json else word
                yield text.icontains(wanted, autoescape=True)

    def replace(self, db: Session, columns: Sequence[Any], *where: ColumnElement[bool]) -> int:
        """Replace the words in these columns of a table; returns how many rows held one."""
        table: Any = columns[0].table
        last, count = 0, 0
        condition = and_(self.held_in(columns), *where)
        while True:
            rows = db.execute(
                select(table.c.id, *columns)
                .where(condition, table.c.id > last)
                .order_by(table.c.id)
                .limit(_MOST)
            ).all()
            for number, *values in rows:
                made = self._made(columns, values)
                if made:
                    db.execute(update(table).where(table.c.id == number).values(made))
                    count += 1
            if len(rows) < _MOST:
                return count
            last = rows[-1][0]

    def _made(self, columns: Sequence[Any], values: Sequence[Any]) -> dict[str, Any]:
        """What is to be written: cut to what the column holds."""
        found = {}
        for column, value in zip(columns, values, strict=True):
            if value is None:
                continue
            plain = isinstance(value, str) and not isinstance(column.type, JSON)
            new = self.text(value) if plain else self.value(value)
            if new != value:
                most = getattr(column.type, "length", None)
                found[column.name] = new[:most] if plain and most else new
        return found


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return None
