"""A bill in words: the same sentences on its page, on its receipt and in its preview.

`in_words(bill, writer)` turns rows into texts; a writer knows a language, a way of
writing numbers and the site's clock.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from app.domain.ground.texts import N_ as _
from app.domain.ground.vocabulary import BillKind
from app.domain.ground.vocabulary.doubts import sentence
from app.models import Bill
from app.text.bill_lines import LineWords, instant_of, kwh_of, line_in_words
from app.text.writers import Writer

#: How a mail begins: of a session, and of an unused reservation.
_OPENINGS = {
    BillKind.BILL: (
        _("here is the receipt of your charging session of %(day)s."),
        _("here is the bill of your reservation of %(day)s, which was not used."),
    ),
    BillKind.CREDIT: (
        _("we have cancelled the bill of your charging session of %(day)s."),
        _("we have cancelled the bill of your reservation of %(day)s."),
    ),
    BillKind.CORRECTION: (
        _("we have corrected the bill of your charging session of %(day)s."),
        _("we have corrected the bill of your reservation of %(day)s."),
    ),
}


@dataclass(frozen=True, slots=True)
class BillWords:
    """A bill in words; `figures`, `facts` and `taxes` are (label, value) pairs.

    `opening` is how its mail begins, `about` what it is of: a session or a reservation.
    `seller` says line by line who sells, by the words frozen when the bill was
    issued; `issued` is empty for one that is not.
    """

    bill: Bill
    title: str
    summary: str
    day: str
    opening: str
    about: str
    energy: str
    total: str
    figures: tuple[tuple[str, str], ...]
    issued: str
    seller: tuple[str, ...]
    facts: tuple[tuple[str, str], ...]
    lines: tuple[LineWords, ...]
    taxes: tuple[tuple[str, str], ...]
    why: tuple[str, ...]
    notes: tuple[str, ...]
    change: tuple[tuple[str, str], ...]
    zone: str


def in_words(bill: Bill, writer: Writer, hidden: str = "") -> BillWords:
    """Say a bill; everything comes from its own rows, so it says the same for ever.

    `hidden` is the identity of the charger where its name alone may be told.
    """
    facts = bill.facts
    started, ended = instant_of(facts["started_at"]), instant_of(facts["ended_at"])
    energy = f"{writer.number(bill.energy_wh / 1000, 3)} kWh"
    total = writer.money(bill.gross_minor, bill.currency)
    zone, day, unused = writer.zone_name(started), writer.day(started), is_no_show(bill)
    return BillWords(
        bill=bill,
        title=_title(bill, writer),
        summary=f"{energy}, {total}" if bill.energy_wh else total,
        day=day,
        opening=writer.translate(_OPENINGS[bill.kind][unused]) % {"day": day},
        about=writer.translate(_("The reservation") if unused else _("The session")),
        energy=energy,
        total=total,
        figures=tuple(_figures(bill, writer, energy, ended - started)),
        issued=writer.day(bill.issued_at) if bill.number else "",
        seller=tuple(_seller(bill, writer)),
        facts=tuple(_facts(bill, writer, started, ended, zone, hidden)),
        lines=tuple(line_in_words(bill, line, writer, started) for line in bill.lines),
        taxes=tuple(_taxes(bill, writer)),
        why=tuple(_why(bill, writer, zone)),
        notes=tuple(_notes(bill, writer)),
        change=tuple(_change(bill, writer)),
        zone=zone,
    )


def is_no_show(bill: Bill) -> bool:
    """Whether a bill is of an unused reservation."""
    return "reservation" in bill.facts


def _figures(
    bill: Bill, writer: Writer, energy: str, lasted: timedelta
) -> Iterable[tuple[str, str]]:
    """What stands large beside the total."""
    duration = writer.duration(int(lasted.total_seconds()))
    if is_no_show(bill):
        yield writer.translate(_("Reserved")), duration
        return
    yield writer.translate(_("Energy")), energy
    yield writer.translate(_("Duration")), duration


def _title(bill: Bill, writer: Writer) -> str:
    words = {
        BillKind.BILL: _("Receipt %(number)s"),
        BillKind.CREDIT: _("Credit note %(number)s"),
        BillKind.CORRECTION: _("Corrected receipt %(number)s"),
    }
    return writer.translate(words[bill.kind]) % {"number": bill.number}


def _seller(bill: Bill, writer: Writer) -> Iterable[str]:
    yield from who_sells(bill, writer)
    if contact := bill.facts.get("seller", {}).get("contact"):
        yield contact


def who_sells(bill: Bill, writer: Writer) -> Iterable[str]:
    """Name, address and tax number of the seller, as far as they are told."""
    seller = bill.facts.get("seller", {})
    for field in ("name", "address"):
        if text := seller.get(field):
            yield text
    if number := seller.get("tax_number"):
        yield writer.translate(_("Tax number: %(number)s")) % {"number": number}


def _facts(
    bill: Bill, writer: Writer, started: datetime, ended: datetime, zone: str, hidden: str
) -> Iterable[tuple[str, str]]:
    facts, t = bill.facts, writer.translate
    place = ", ".join(part for part in (facts["site"], facts["address"]) if part)
    yield t(_("Place")), place
    connector = t(_("connector %(number)s")) % {"number": facts["evse"]} if facts["evse"] else ""
    charger = facts["station"].removeprefix(hidden).strip()
    yield t(_("Charger")), ", ".join(filter(None, [charger, connector]))
    yield t(_("Start")), f"{writer.moment(started)} {zone}"
    yield t(_("End")), f"{writer.moment(ended)} {writer.zone_name(ended)}"
    if register := _register(bill, writer):
        yield t(_("Meter")), register
    if facts["idle_s"]:
        yield t(_("Charging")), writer.duration(facts["charging_s"])
        yield t(_("Idle")), writer.duration(facts["idle_s"])
    if is_no_show(bill):
        yield t(_("Reservation")), str(facts["reservation"])
    else:
        yield t(_("Session")), str(bill.session_id)
    if facts["tariff"]:
        version = t(_("version %(number)s")) % {"number": facts["tariff_version"]}
        yield t(_("Tariff")), f"{facts['tariff']}, {version}"
    yield from _paid(bill, writer)


def _paid(bill: Bill, writer: Writer) -> Iterable[tuple[str, str]]:
    """What was paid at the charger itself, and what that leaves."""
    payments = bill.facts.get("payments", ())
    if not payments or bill.kind is BillKind.CREDIT:
        return
    t, paid = writer.translate, sum(payment[1] for payment in payments)
    # A charger's own words: cut to what a line of a receipt can hold.
    references = ", ".join(" ".join((name or own).split())[:40] for own, _, name in payments)
    yield t(_("Paid at the charger")), f"{writer.money(paid, bill.currency)} ({references})"
    if bill.kind is BillKind.BILL:
        left = bill.gross_minor - paid
        word = _("Still to pay") if left >= 0 else _("To be paid back")
        yield t(word), writer.money(abs(left), bill.currency)


def _register(bill: Bill, writer: Writer) -> str:
    """The meter's first and last register, empty where they do not make the billed energy.

    They do not where staff set the energy, the meter fell back or it counts no
    register: the notes tell that, and a register beside it would contradict it.
    """
    first, last = (bill.facts[f"register_{end}_wh"] for end in ("from", "to"))
    if first is None or last is None or Decimal(last) - Decimal(first) != abs(bill.energy_wh):
        return ""
    return f"{kwh_of(first, writer)} → {kwh_of(last, writer)} kWh"


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
        frozen = (
            _("Tariff “%(name)s”, version %(number)s, was frozen when the reservation began.")
            if is_no_show(bill)
            else _("Tariff “%(name)s”, version %(number)s, was frozen when the session began.")
        )
        yield t(frozen) % {"name": facts["tariff"], "number": facts["tariff_version"]}
    for phrase in facts.get("explanation", ()):
        yield writer.say(phrase)
    yield t(_("Times are those of the site's clock (%(zone)s).")) % {"zone": zone}
    if len(bill.lines) > 1:
        yield t(_("Every line is rounded once; the lines add up to the total."))


def _notes(bill: Bill, writer: Writer) -> Iterable[str]:
    """What was odd about the measuring, so that nobody has to find it out."""
    if bill.facts.get("corrected"):
        measured = kwh_of(bill.facts["measured_wh"], writer)
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
        yield t(_("Cancels")), bill.corrects.number
    else:
        credit = bill.corrects
        before = credit.corrects
        if before is None:
            return
        numbers = {"old": before.number, "credit": credit.number}
        yield t(_("Replaces")), t(_("%(old)s (credit note %(credit)s)")) % numbers
        yield t(_("Old total")), writer.money(before.gross_minor, bill.currency)
        delta = bill.gross_minor - before.gross_minor
        word = _("Still to pay") if delta >= 0 else _("To be paid back")
        yield t(word), writer.money(abs(delta), bill.currency)
    if bill.reason:
        yield t(_("Reason")), t(bill.reason)
