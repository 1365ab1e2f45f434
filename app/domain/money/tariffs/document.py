"""The stored form of a tariff: strict JSON with a schema number, read field by field.

    {"schema": 1, "currency": "EUR", "tax": {"mode": "exclusive", "percent": "19"},
     "minimum": "1.00", "maximum": "50", "free_minutes": 0,
     "components": [{"kind": "energy", "name": "night rate", "price": "0.32",
                     "when": {"from": "22:00", "until": "08:00", "weekdays": ["mon"]}}]}

Decimals are written as text.  Whatever is not understood is refused with a
sentence that names the field; nothing is guessed and nothing is left out.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import fields as members
from datetime import date
from decimal import Decimal

from app.domain.money.tariffs.tariff import (
    NO_SHOW_KINDS,
    ONCE,
    Component,
    Kind,
    Restriction,
    Tariff,
    TaxMode,
    billable,
    exponent,
    is_currency,
)

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


SCHEMA = 1
WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")

_PRICE_LIMIT = Decimal(1_000_000)
_KWH_LIMIT = Decimal(100_000)
_WEEK_MIN = 7 * 24 * 60
_COMPONENT_LIMIT = 60
_NAME_LIMIT = 60
_RANGES = ("energy_from_kwh", "energy_to_kwh", "duration_from_min", "duration_to_min")


def from_json(document: Mapping[str, object], *, entered: bool = False) -> Tariff:
    """The tariff of a document (`entered`: a new one); TariffError names the first wrong field."""
    fields = Fields(document, "")
    if fields.integer("schema", low=0, high=10**6, default=SCHEMA) != SCHEMA:
        raise TariffError("schema", f"must be {SCHEMA}; this tariff needs another version of us")
    currency = fields.text("currency", limit=3)
    if not is_currency(currency):
        raise TariffError("currency", "must be an ISO 4217 code such as EUR")
    tax = fields.table("tax")
    mode = tax.choice("mode", [each.value for each in TaxMode], default=TaxMode.INCLUSIVE.value)
    percent = tax.decimal("percent", high=Decimal(100), places=4)
    tax.finish()
    places = exponent(currency) if entered else 6  # of a limit; some stand with too many
    tariff = Tariff(
        currency=currency,
        components=tuple(map(_component, fields.rows("components", limit=_COMPONENT_LIMIT))),
        tax_mode=TaxMode(mode),
        tax_percent=Decimal(0) if percent is None else percent,
        minimum=billable(fields.decimal("minimum", high=_PRICE_LIMIT, places=places), currency),
        maximum=billable(fields.decimal("maximum", high=_PRICE_LIMIT, places=places), currency),
        free_minutes=fields.integer("free_minutes", low=0, high=_WEEK_MIN, default=0),
    )
    fields.finish()
    if tariff.maximum is not None and tariff.maximum < (tariff.minimum or 0):
        raise TariffError("maximum", "must not be less than the minimum")
    return tariff


def _component(fields: Fields) -> Component:
    kind = Kind(fields.choice("kind", [each.value for each in Kind]))
    price = fields.decimal("price", high=_PRICE_LIMIT, places=6)
    if price is None:
        raise TariffError(fields.path("price"), "is missing")
    component = Component(
        kind=kind,
        price=price,
        name=fields.text("name", limit=_NAME_LIMIT, default=""),
        when=_restriction(fields.table("when"), kind),
        tax_percent=fields.decimal("tax_percent", high=Decimal(100), places=4),
        grace_minutes=fields.integer("grace_minutes", low=0, high=_WEEK_MIN, default=0),
        step=fields.integer("step", low=1, high=1_000_000, default=1),
    )
    fields.finish()
    if component.grace_minutes and kind is not Kind.IDLE:
        raise TariffError(fields.path("grace_minutes"), "can be set for idle time only")
    if component.step != 1 and kind in ONCE:
        raise TariffError(fields.path("step"), f"cannot be set for {_ONCE_WORDS[kind]}")
    return component


_ONCE_WORDS = {Kind.START: "a start fee", Kind.NO_SHOW: "a fee that is charged once"}


def _restriction(fields: Fields, kind: Kind) -> Restriction:
    start, until = fields.minute("from"), fields.minute("until")
    if start == 24 * 60:
        raise TariffError(fields.path("from"), "must be earlier than 24:00")
    if start is not None or until is not None:
        start, until = start or 0, until if until is not None else 24 * 60
        until = until or 24 * 60
        if start == until:
            raise TariffError(fields.path("until"), "must differ from the time it begins")
    names = fields.choices("weekdays", WEEKDAYS)
    when = Restriction(
        from_minute=start,
        until_minute=until,
        weekdays=frozenset(WEEKDAYS.index(name) for name in names),
        date_from=fields.day("date_from"),
        date_to=fields.day("date_to"),
        energy_from_kwh=fields.decimal("energy_from_kwh", high=_KWH_LIMIT, places=3),
        energy_to_kwh=fields.decimal("energy_to_kwh", high=_KWH_LIMIT, places=3),
        duration_from_min=fields.optional_integer("duration_from_min", high=525_600),
        duration_to_min=fields.optional_integer("duration_to_min", high=525_600),
    )
    fields.finish()
    _check_ranges(fields, when, kind)
    return when


def _check_ranges(fields: Fields, when: Restriction, kind: Kind) -> None:
    if when.date_from and when.date_to and when.date_to < when.date_from:
        raise TariffError(fields.path("date_to"), "must not be before date_from")
    low, high = when.energy_from_kwh, when.energy_to_kwh
    if high is not None and high <= (low or 0):
        raise TariffError(fields.path("energy_to_kwh"), "must be more than energy_from_kwh")
    first, last = when.duration_from_min, when.duration_to_min
    if last is not None and last <= (first or 0):
        raise TariffError(fields.path("duration_to_min"), "must be more than duration_from_min")
    if kind in ONCE and any(each is not None for each in (low, high, first, last)):
        name = "energy_from_kwh" if low is not None or high is not None else "duration_from_min"
        raise TariffError(fields.path(name), f"cannot restrict {_ONCE_WORDS[kind]}")
    if kind in NO_SHOW_KINDS and not low is high is None:
        raise TariffError(fields.path("energy_from_kwh"), "cannot restrict a reservation's price")


def to_json(tariff: Tariff) -> dict[str, object]:
    """The document of a tariff; `from_json` gives the same tariff back."""
    return {
        "schema": SCHEMA,
        "currency": tariff.currency,
        "tax": {"mode": tariff.tax_mode.value, "percent": plain(tariff.tax_percent)},
        "free_minutes": tariff.free_minutes,
        "components": [_component_json(component) for component in tariff.components],
        **_given(tariff, "minimum", "maximum"),
    }


def _component_json(component: Component) -> dict[str, object]:
    document: dict[str, object] = {"kind": component.kind.value, "price": plain(component.price)}
    document |= _given(component, "name", "tax_percent", "grace_minutes", "step")
    when = component.when
    if when.always:
        return document
    restricted: dict[str, object] = {}
    if when.from_minute is not None and when.until_minute is not None:
        restricted["from"] = clock_text(when.from_minute)
        restricted["until"] = clock_text(when.until_minute)
    if when.weekdays:
        restricted["weekdays"] = [WEEKDAYS[day] for day in sorted(when.weekdays)]
    for name, day in (("date_from", when.date_from), ("date_to", when.date_to)):
        if day is not None:
            restricted[name] = day.isoformat()
    return {**document, "when": restricted | _given(when, *_RANGES)}


def _given(record: Tariff | Component | Restriction, *names: str) -> dict[str, object]:
    """Those of some members that are not what they are when left out."""
    found: dict[str, object] = {}
    for member in members(record):
        value = getattr(record, member.name)
        if member.name in names and value != member.default:
            found[member.name] = plain(value) if isinstance(value, Decimal) else value
    return found


def clock_text(minute: int) -> str:
    """A minute of the day as 07:05; 24:00 is its end."""
    return f"{minute // 60:02d}:{minute % 60:02d}"
