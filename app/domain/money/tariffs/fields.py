"""Reading a document field by field, strictly; each error is a sentence that names the field."""

import re
from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal

_CLOCK = re.compile(r"(\d{2}):(\d{2})")
_NUMBER = re.compile(r"\d{1,12}(\.\d{1,12})?")


class TariffError(ValueError):
    """A tariff that cannot be used; `field` names where, `sentence` says why."""

    def __init__(self, field: str, problem: str) -> None:
        self.field = field
        self.sentence = f"{_readable(field)} {problem}."
        super().__init__(self.sentence)


def _readable(field: str) -> str:
    """components.0.tax_percent as "Component 1: tax percent"."""
    found = re.fullmatch(r"components\.(\d+)(?:\.(.+))?", field)
    if not found:
        return field.replace(".", " ").replace("_", " ").capitalize() or "The tariff"
    part = (found[2] or "").replace("when.", "").replace("_", " ").replace("kwh", "kWh")
    return f"Component {int(found[1]) + 1}: {part}" if part else f"Component {int(found[1]) + 1}"


def plain(number: Decimal) -> str:
    """A decimal as text, without an exponent."""
    return format(number, "f")


class Fields:
    """One table of a document; `finish` refuses what nobody asked for."""

    def __init__(self, values: object, at: str) -> None:
        if not isinstance(values, Mapping):
            raise TariffError(at, "must be a table of named values")
        self._values = values
        self._at = at
        self._asked: set[str] = set()

    def path(self, name: str) -> str:
        """The whole name of one of the fields."""
        return f"{self._at}.{name}" if self._at else name

    def _get(self, name: str) -> object:
        self._asked.add(name)
        return self._values.get(name)

    def finish(self) -> None:
        """Refuse fields that are not known."""
        for name in self._values:
            if name not in self._asked:
                raise TariffError(self.path(str(name)[:60]), "is not a field of a tariff")

    def table(self, name: str) -> "Fields":
        """A table within this one; empty if absent."""
        value = self._get(name)
        return Fields({} if value is None else value, self.path(name))

    def rows(self, name: str, *, limit: int) -> list["Fields"]:
        """A list of tables; empty if absent."""
        value = self._get(name)
        if value is None:
            return []
        if not isinstance(value, list | tuple):
            raise TariffError(self.path(name), "must be a list")
        if len(value) > limit:
            raise TariffError(self.path(name), f"may have {limit} entries at most")
        return [Fields(each, f"{self.path(name)}.{index}") for index, each in enumerate(value)]

    def text(self, name: str, *, limit: int, default: str | None = None) -> str:
        """A line of text without control characters."""
        value = self._get(name)
        if value is None:
            if default is None:
                raise TariffError(self.path(name), "is missing")
            return default
        if not isinstance(value, str):
            raise TariffError(self.path(name), "must be text")
        value = value.strip()
        if not value.isprintable():
            raise TariffError(self.path(name), "must not hold control characters")
        if len(value) > limit:
            raise TariffError(self.path(name), f"must have {limit} characters at most")
        return value

    def choice(self, name: str, known: Sequence[str], *, default: str | None = None) -> str:
        """One of a few words."""
        value = self._get(name)
        if value is None and default is not None:
            return default
        if not isinstance(value, str) or value not in known:
            raise TariffError(self.path(name), "must be one of " + ", ".join(known))
        return value

    def choices(self, name: str, known: Sequence[str]) -> list[str]:
        """Some of a few words; empty if absent."""
        value = self._get(name)
        if value is None:
            return []
        if not isinstance(value, list | tuple) or any(each not in known for each in value):
            raise TariffError(self.path(name), "must be a list of " + ", ".join(known))
        return [str(each) for each in value]

    def integer(self, name: str, *, low: int, high: int, default: int) -> int:
        """A whole number within its limits."""
        value = self._get(name)
        if value is None:
            return default
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            raise TariffError(self.path(name), f"must be a whole number from {low} to {high}")
        return value

    def optional_integer(self, name: str, *, high: int) -> int | None:
        """A whole number from 0, or None if absent."""
        absent = self._get(name) is None
        return None if absent else self.integer(name, low=0, high=high, default=0)

    def decimal(self, name: str, *, high: Decimal, places: int) -> Decimal | None:
        """A number from 0 with a limited number of decimal places, from text or a number."""
        value = self._get(name)
        if value is None:
            return None
        # A float's shortest text is what people wrote; that of true is no number.
        text = str(value).strip() if isinstance(value, str | int | float | Decimal) else ""
        number = Decimal(text) if _NUMBER.fullmatch(text) else None
        if number is None or number > high:
            raise TariffError(self.path(name), f"must be a number from 0 to {plain(high)}")
        if number != number.quantize(Decimal(1).scaleb(-places)):
            raise TariffError(self.path(name), f"may have {places} decimal places at most")
        return number

    def minute(self, name: str) -> int | None:
        """A time of day such as 22:00, as a minute of the day; 24:00 is its end."""
        value = self._get(name)
        if value is None:
            return None
        found = _CLOCK.fullmatch(value) if isinstance(value, str) else None
        minute = int(found[1]) * 60 + int(found[2]) if found else -1
        if not found or int(found[2]) > 59 or minute > 24 * 60:
            raise TariffError(self.path(name), "must be a time such as 22:00")
        return minute

    def day(self, name: str) -> date | None:
        """A date such as 2026-12-31."""
        value = self._get(name)
        if value is None:
            return None
        try:
            return date.fromisoformat(value if isinstance(value, str) else "")
        except ValueError:
            raise TariffError(self.path(name), "must be a date such as 2026-12-31") from None
