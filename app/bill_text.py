"""A bill in words: the same sentences on its page, on its receipt and in its preview.

`told(bill, writer)` turns rows into texts.  A writer knows a language, a way of
writing numbers and the site's clock; `Writer` writes for drivers (Babel,
English or German), `DeskWriter` for the desk.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from babel.dates import format_date, format_datetime, get_day_names, get_timezone_name
from babel.numbers import format_currency, format_decimal, format_percent
from flask_babel import force_locale, gettext

from app import presentation
from app.domain.billing.doubts import sentence
from app.domain.tariffs import Phrase, from_minor, say
from app.domain.tariffs.words import day_names
from app.domain.vocabulary import BillKind
from app.models import Bill, BillLine

#: language -> the locale that writes its numbers and dates (24 hours, day before month)
LOCALES = {"en": "en_GB", "de": "de_DE"}
#: Stretches of readings told for one line; the rest is counted.
_PARTS_MOST = 6


def _(text: str) -> str:
    """Mark a text for translation; the writer translates it."""
    return text


_UNITS = {"kWh": "kWh", "min": "min", "session": _("session")}


@dataclass(frozen=True, slots=True)
class ToldLine:
    """One line of a bill in words; `details` tell the readings behind it."""

    label: str
    details: tuple[str, ...]
    quantity: str
    unit_price: str
    tax: str
    amount: str


@dataclass(frozen=True, slots=True)
class Told:
    """A bill in words; `facts` and `taxes` are (label, value) pairs."""

    bill: Bill
    title: str
    summary: str
    day: str
    energy: str
    total: str
    duration: str
    facts: tuple[tuple[str, str], ...]
    lines: tuple[ToldLine, ...]
    taxes: tuple[tuple[str, str], ...]
    why: tuple[str, ...]
    notes: tuple[str, ...]
    change: tuple[tuple[str, str], ...]
    zone: str


class Writer:
    """Writes for a driver: `language` is a key of LOCALES, `zone` an IANA name."""

    def __init__(self, language: str, zone: str) -> None:
        self.language = language if language in LOCALES else "en"
        self.locale = LOCALES[self.language]
        self.zone = ZoneInfo(zone)

    def translate(self, text: str) -> str:
        """The text in the writer's language."""
        with force_locale(self.language):
            return str(gettext(text))

    def money(self, minor: int, currency: str) -> str:
        """Minor units as an amount."""
        return str(format_currency(from_minor(minor, currency), currency, locale=self.locale))

    def price(self, amount: Decimal, currency: str) -> str:
        """A price in major units with all its places, two at least where cents are known."""
        return str(
            format_currency(amount, currency, locale=self.locale, decimal_quantization=False)
        )

    def number(self, value: Decimal, places: int | None = None) -> str:
        """A number; `places` None keeps the ones that say something."""
        if places is None:
            value = value.normalize()
            pattern = "#,##0.######"
        else:
            pattern = "#,##0." + "0" * places if places else "#,##0"
        return str(format_decimal(value, format=pattern, locale=self.locale))

    def percent(self, value: Decimal) -> str:
        """A percentage: 19 is nineteen per cent."""
        share = value / 100
        return str(format_percent(share, locale=self.locale, decimal_quantization=False))

    def day(self, at: datetime) -> str:
        """The day on the site's calendar."""
        return str(format_date(at.astimezone(self.zone).date(), "long", locale=self.locale))

    def clock(self, at: datetime) -> str:
        """The time on the site's clock, to the second where there are seconds."""
        local = at.astimezone(self.zone)
        return local.strftime("%H:%M:%S" if local.second else "%H:%M")

    def zone_name(self, at: datetime) -> str:
        """What the site's zone is called at that time: CET, MEZ."""
        local = at.astimezone(self.zone)
        return str(get_timezone_name(local, width="short", locale=self.locale))

    def weekdays(self) -> list[str]:
        """Short names of the weekdays, Monday first."""
        names = get_day_names("abbreviated", locale=self.locale)
        return [str(names[day]) for day in range(7)]

    def moment(self, at: datetime) -> str:
        """Day and time."""
        style = "d MMM y, HH:mm:ss"
        return str(format_datetime(at.astimezone(self.zone), style, locale=self.locale))

    def duration(self, seconds: int) -> str:
        """Hours and minutes."""
        minutes = round(seconds / 60)
        hours, minutes = divmod(minutes, 60)
        parts = [f"{hours} h"] if hours else []
        return " ".join([*parts, f"{minutes} min"]) if minutes or not hours else parts[0]

    def say(self, phrase: Phrase | list[Any]) -> str:
        """A phrase of the tariff as a sentence."""
        return say(phrase, translate=self.translate, show=self._show)

    def _show(self, name: str, value: object, values: dict[str, object]) -> str:
        text = str(value)
        if name == "at" or name.endswith("_at"):
            return self.clock(datetime.fromisoformat(text))
        if name in ("price", "amount"):
            return self.price(Decimal(text), str(values.get("currency", "EUR")))
        if name == "days":
            return day_names([int(day) for day in text.split(",")], self.weekdays())
        if name in ("kwh", "to_kwh", "minutes", "to_minutes", "free", "percent", "step"):
            return self.number(Decimal(text))
        return text


class DeskWriter(Writer):
    """Writes for staff: English, with the desk's way of writing numbers and money."""

    def __init__(self, zone: str) -> None:
        super().__init__("en", zone)

    def translate(self, text: str) -> str:
        """The desk speaks English."""
        return text

    def money(self, minor: int, currency: str) -> str:
        """As everywhere on the desk."""
        return presentation.money(minor, currency)

    def price(self, amount: Decimal, currency: str) -> str:
        """As everywhere on the desk, with all places."""
        symbol = presentation.money(0, currency).split(presentation.FIXED)[-1]
        places = max(2, -int(amount.normalize().as_tuple().exponent))
        return f"{presentation.number(amount, places)}{presentation.FIXED}{symbol}"

    def number(self, value: Decimal, places: int | None = None) -> str:
        """As everywhere on the desk."""
        if places is None:
            places = max(0, -int(value.normalize().as_tuple().exponent))
        return presentation.number(value, places)


def told(bill: Bill, writer: Writer) -> Told:
    """Say a bill; everything comes from its own rows, so it says the same for ever."""
    facts = bill.facts
    started, ended = _instant(facts["started_at"]), _instant(facts["ended_at"])
    energy = f"{writer.number(bill.energy_wh / 1000, 3)} kWh"
    total = writer.money(bill.gross_minor, bill.currency)
    zone = writer.zone_name(started)
    return Told(
        bill=bill,
        title=_title(bill, writer),
        summary=f"{energy}, {total}" if bill.energy_wh else total,
        day=writer.day(started),
        energy=energy,
        total=total,
        duration=writer.duration(int((ended - started).total_seconds())),
        facts=tuple(_facts(bill, writer, started, ended, zone)),
        lines=tuple(_line(bill, line, writer, started) for line in bill.lines),
        taxes=tuple(_taxes(bill, writer)),
        why=tuple(_why(bill, writer, zone)),
        notes=tuple(_notes(bill, writer)),
        change=tuple(_change(bill, writer)),
        zone=zone,
    )


def _title(bill: Bill, writer: Writer) -> str:
    words = {
        BillKind.BILL: _("Receipt %(number)s"),
        BillKind.CREDIT: _("Credit note %(number)s"),
        BillKind.CORRECTION: _("Corrected receipt %(number)s"),
    }
    return writer.translate(words[bill.kind]) % {"number": bill.number}


def _facts(
    bill: Bill, writer: Writer, started: datetime, ended: datetime, zone: str
) -> Iterable[tuple[str, str]]:
    facts, t = bill.facts, writer.translate
    place = ", ".join(part for part in (facts["site"], facts["address"]) if part)
    yield t(_("Place")), place
    connector = t(_("connector %(number)s")) % {"number": facts["evse"]}
    yield t(_("Charger")), f"{facts['station']}, {connector}"
    yield t(_("Start")), f"{writer.moment(started)} {zone}"
    yield t(_("End")), f"{writer.moment(ended)} {writer.zone_name(ended)}"
    if facts["register_from_wh"] is not None and facts["register_to_wh"] is not None:
        register = (
            f"{_kwh(facts['register_from_wh'], writer)} → "
            f"{_kwh(facts['register_to_wh'], writer)} kWh"
        )
        yield t(_("Meter")), register
    if facts["idle_s"]:
        yield t(_("Charging")), writer.duration(facts["charging_s"])
        yield t(_("Idle")), writer.duration(facts["idle_s"])
    yield t(_("Session")), str(bill.session_id)
    if facts["tariff"]:
        version = t(_("version %(number)s")) % {"number": facts["tariff_version"]}
        yield t(_("Tariff")), f"{facts['tariff']}, {version}"


def _line(bill: Bill, line: BillLine, writer: Writer, started: datetime) -> ToldLine:
    unit = writer.translate(_UNITS.get(line.unit, line.unit))
    quantity = writer.number(line.quantity, 3 if line.unit == "kWh" else None)
    inclusive = bill.facts.get("tax_mode") == "inclusive"
    return ToldLine(
        label=writer.say([line.label, line.parameters]),
        details=tuple(_details(line, writer, started)),
        quantity=f"{quantity} {unit}" if unit else "",
        unit_price=writer.price(line.unit_price, bill.currency) if unit else "",
        tax=writer.percent(line.tax_percent),
        amount=writer.money(line.gross_minor if inclusive else line.net_minor, bill.currency),
    )


def _details(line: BillLine, writer: Writer, started: datetime) -> Iterable[str]:
    """The readings behind a line, stretch by stretch."""
    parts = (line.evidence or {}).get("parts", [])
    first_day = started.astimezone(writer.zone).date()

    def clock(text: str) -> str:
        at = _instant(text)
        same = at.astimezone(writer.zone).date() == first_day
        return writer.clock(at) if same else writer.moment(at)

    for part in parts[:_PARTS_MOST]:
        yield _stretch(part, line.kind, writer, clock)
    if len(parts) > _PARTS_MOST:
        more = {"count": len(parts) - _PARTS_MOST}
        yield writer.translate(_("and %(count)s more stretches")) % more


def _stretch(part: dict[str, Any], kind: str, writer: Writer, clock: Callable[[str], str]) -> str:
    text = f"{clock(part['from_at'])} → {clock(part['to_at'])}"
    if kind != "energy":
        return text
    t = writer.translate
    if "from_register_wh" in part:
        text += ", " + t(_("meter %(first)s → %(last)s kWh")) % {
            "first": _kwh(part["from_register_wh"], writer),
            "last": _kwh(part["to_register_wh"], writer),
        }
    for end in ("from", "to"):
        if between := part.get(f"{end}_between"):
            text += "; " + t(
                _("at %(at)s interpolated between the readings of %(a)s and %(b)s")
            ) % {
                "at": clock(part[f"{end}_at"]),
                "a": clock(between[0]),
                "b": clock(between[1]),
            }
    return text


def _taxes(bill: Bill, writer: Writer) -> Iterable[tuple[str, str]]:
    """What the total holds of tax, one row for each rate."""
    sign = -1 if bill.kind is BillKind.CREDIT else 1
    inclusive = bill.facts.get("tax_mode") == "inclusive"
    word = (
        _("includes %(percent)s tax on %(net)s") if inclusive else _("%(percent)s tax on %(net)s")
    )
    for percent, net, tax, _gross in bill.facts.get("taxes", ()):
        if Decimal(percent):
            values = {
                "percent": writer.percent(Decimal(percent)),
                "net": writer.money(sign * net, bill.currency),
            }
            yield writer.translate(word) % values, writer.money(sign * tax, bill.currency)


def _why(bill: Bill, writer: Writer, zone: str) -> Iterable[str]:
    t, facts = writer.translate, bill.facts
    if facts["tariff"]:
        yield t(_("Tariff “%(name)s”, version %(number)s, was frozen when the session began.")) % {
            "name": facts["tariff"],
            "number": facts["tariff_version"],
        }
    for phrase in facts.get("explanation", ()):
        yield writer.say(phrase)
    yield t(_("Times are those of the site's clock (%(zone)s).")) % {"zone": zone}
    if len(bill.lines) > 1:
        yield t(_("Every line is rounded once; the lines add up to the total."))


def _notes(bill: Bill, writer: Writer) -> Iterable[str]:
    """What was odd about the measuring, so that nobody has to find it out."""
    if bill.facts.get("corrected"):
        measured = _kwh(bill.facts["measured_wh"], writer)
        yield writer.translate(
            _("The energy was set by our staff; the meter had reported %(kwh)s kWh.")
        ) % {"kwh": measured}
    for flag in bill.facts.get("flags", ()):
        yield writer.translate(sentence(flag))


def _change(bill: Bill, writer: Writer) -> Iterable[tuple[str, str]]:
    """What a credit or a correction replaces, and what is left to pay or to be paid back."""
    t = writer.translate
    if bill.corrects is None:
        return
    if bill.kind is BillKind.CREDIT:
        yield t(_("Takes back")), bill.corrects.number
    else:
        credit = bill.corrects
        before = credit.corrects
        if before is None:
            return
        yield t(_("Replaces")), f"{before.number} ({t(_('credit note'))} {credit.number})"
        yield t(_("Old total")), writer.money(before.gross_minor, bill.currency)
        delta = bill.gross_minor - before.gross_minor
        word = _("Still to pay") if delta >= 0 else _("To be paid back")
        yield t(word), writer.money(abs(delta), bill.currency)
    if bill.reason:
        yield t(_("Reason")), t(bill.reason)


def _kwh(wh: str, writer: Writer) -> str:
    return writer.number(Decimal(wh) / 1000, 3)


def _instant(text: str) -> datetime:
    return datetime.fromisoformat(text)
