"""One line of a bill in words, with the readings behind it."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from itertools import zip_longest

from app.domain.ground.texts import N_ as _
from app.domain.ground.vocabulary import Json
from app.models import Bill, BillLine
from app.text.writers import Writer

#: Stretches of readings told for one line; the rest is counted.
_PARTS_MOST = 6


_UNITS = {"kWh": "kWh", "min": "min", "session": _("session"), "reservation": _("reservation")}


@dataclass(frozen=True, slots=True)
class LineWords:
    """One line of a bill in words; `details` tell the readings behind it.

    `spans` say from when until when the readings of each detail were taken, as FROM/UNTIL.
    """

    label: str
    details: tuple[str, ...]
    quantity: str
    unit_price: str
    tax: str
    amount: str
    spans: tuple[str, ...] = ()

    @property
    def behind(self) -> list[tuple[str, str]]:
        """Each detail with its span, which is empty where it has none."""
        return list(zip_longest(self.details, self.spans, fillvalue=""))


def line_in_words(bill: Bill, line: BillLine, writer: Writer, started: datetime) -> LineWords:
    """Say one line: its quantity times its price, rounded once, is its amount."""
    unit = writer.translate(_UNITS.get(line.unit, line.unit))
    quantity = writer.number(line.quantity, 3 if line.unit == "kWh" else None)
    inclusive = bill.facts.get("tax_mode") == "inclusive"
    return LineWords(
        label=writer.say([line.label, line.parameters]),
        details=tuple(_details(line, writer, started)),
        quantity=f"{quantity} {unit}" if unit else "",
        unit_price=writer.price(line.unit_price, bill.currency) if unit else "",
        tax=writer.percent(line.tax_percent),
        amount=writer.money(line.gross_minor if inclusive else line.net_minor, bill.currency),
        spans=tuple(_span(part) for part in _parts(line)[:_PARTS_MOST]),
    )


def _parts(line: BillLine) -> list[Json]:
    found: list[Json] = (line.evidence or {}).get("parts", [])
    return found


def _span(part: Json) -> str:
    """When the readings behind a part were taken, those about an end that lies between two, too."""
    first, last = part.get("from_between"), part.get("to_between")
    return f"{first[0] if first else part['from_at']}/{last[1] if last else part['to_at']}"


def _details(line: BillLine, writer: Writer, started: datetime) -> Iterable[str]:
    """The readings behind a line, stretch by stretch."""
    parts = _parts(line)
    first_day = started.astimezone(writer.zone).date()

    def clock(text: str) -> str:
        at = instant_of(text)
        same = at.astimezone(writer.zone).date() == first_day
        return writer.clock(at) if same else writer.moment(at)

    for part in parts[:_PARTS_MOST]:
        yield _stretch(part, line.kind, writer, clock)
    if len(parts) > _PARTS_MOST:
        more = {"count": len(parts) - _PARTS_MOST}
        yield writer.translate(_("and %(count)s more stretches")) % more


def _stretch(part: Json, kind: str, writer: Writer, clock: Callable[[str], str]) -> str:
    text = f"{clock(part['from_at'])} → {clock(part['to_at'])}"
    if kind != "energy":
        return text
    t = writer.translate
    if "from_register_wh" in part:
        text += ", " + t(_("meter %(first)s → %(last)s kWh")) % {
            "first": kwh_of(part["from_register_wh"], writer),
            "last": kwh_of(part["to_register_wh"], writer),
        }
    for end in ("from", "to"):
        if between := part.get(f"{end}_between"):
            text += "; " + t(
                _("at %(at)s interpolated between the readings of %(a)s and %(b)s")
            ) % {"at": clock(part[f"{end}_at"]), "a": clock(between[0]), "b": clock(between[1])}
    return text


def kwh_of(wh: str, writer: Writer) -> str:
    """Watt-hours as they are stored, in kilowatt-hours; what is less than one stands there, too.

    Two registers that were rounded would differ by another energy than the one that is billed.
    """
    value = Decimal(wh) / 1000
    return writer.number(value, max(3, -int(value.normalize().as_tuple().exponent)))


def instant_of(text: str) -> datetime:
    """An instant as it is stored."""
    return datetime.fromisoformat(text)
