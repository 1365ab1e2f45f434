"""A tariff and a price in sentences: phrases with English templates.

An edge translates: `say(phrase, translate=gettext, show=local_format)`; the
templates are the message ids of the translations.  Values are text or whole
numbers, or a list of phrases; their names tell what they are: `at` and `…_at`
instants (shown in the zone `zone`), `price` and `amount` money in `currency`,
`days` weekdays (0 is Monday), `on` and `to_on` dates, the others numbers.
"""

from collections.abc import Callable, Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

from app.domain.money.tariffs.document import clock_text, plain
from app.domain.money.tariffs.quote import Phrase
from app.domain.money.tariffs.tariff import (
    NO_SHOW_KINDS,
    Component,
    Kind,
    Restriction,
    Tariff,
    TaxMode,
    price_text,
)

Show = Callable[[str, object, dict[str, object]], str]

DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")


def say(
    phrase: Phrase | Sequence[object],
    *,
    translate: Callable[[str], str] = str,
    show: Show | None = None,
) -> str:
    """A phrase as a sentence; `show` writes a value, English and plain by default.

    Also takes the two-element list that a phrase becomes in stored JSON.
    """
    key, values = str(phrase[0]), phrase[1] if isinstance(phrase[1], dict) else {}
    written = {
        name: (
            "".join(say(part, translate=translate, show=show) for part in value)
            if isinstance(value, list | tuple)
            else (show or plain_value)(name, value, values)
        )
        for name, value in values.items()
    }
    return translate(TEMPLATES[key]) % written


def plain_value(name: str, value: object, values: dict[str, object]) -> str:
    text = str(value)
    if name == "at" or name.endswith("_at"):
        zone = ZoneInfo(str(values.get("zone", "UTC")))
        instant = datetime.fromisoformat(text).astimezone(zone)
        return instant.strftime("%H:%M:%S" if instant.second else "%H:%M")
    if name in ("price", "amount"):
        return f"{text} {values.get('currency', '')}".strip()
    if name == "days":
        return day_names([int(day) for day in text.split(",")], DAYS)
    return text


def day_names(days: Sequence[int], names: Sequence[str]) -> str:
    """Weekdays as Mon–Fri, Sun: three or more in a row become a range."""
    runs: list[list[int]] = []
    for day in sorted(days):
        if runs and runs[-1][-1] == day - 1:
            runs[-1].append(day)
        else:
            runs.append([day])
    told = []
    for run in runs:
        if len(run) > 2:
            told.append(f"{names[run[0]]}–{names[run[-1]]}")
        else:
            told.extend(names[day] for day in run)
    return ", ".join(told)


def formula_in_words(tariff: Tariff) -> list[Phrase]:
    """The tariff, one phrase for each component and setting, in the order of the tariff."""
    phrases = [_component(tariff, component) for component in tariff.components]
    charged = (each.price for each in tariff.components if each.kind not in NO_SHOW_KINDS)
    if not any(charged) and not tariff.minimum:
        phrases.insert(0, ("formula.free", {}))
    if tariff.free_minutes:
        phrases.append(("formula.free_minutes", {"minutes": tariff.free_minutes}))
    for kind, limit in (("minimum", tariff.minimum), ("maximum", tariff.maximum)):
        if limit is not None:
            amount = {"amount": price_text(limit, tariff.currency), "currency": tariff.currency}
            phrases.append((f"formula.{kind}", dict(amount)))
    rates = [tariff.tax_percent_of(component) for component in tariff.components]
    if tariff.tax_percent or any(rates):
        mode = "included" if tariff.tax_mode is TaxMode.INCLUSIVE else "added"
        phrases.append((f"formula.tax.{mode}", {"percent": plain(tariff.tax_percent)}))
    return phrases


def _component(tariff: Tariff, component: Component) -> Phrase:
    values: dict[str, object] = {
        "price": price_text(component.price, tariff.currency),
        "currency": tariff.currency,
        "when": [*_when(component.when), *_details(tariff, component)],
    }
    key = f"formula.{component.kind.value}"
    if component.kind is Kind.IDLE and component.grace_minutes:
        key += ".grace"
        values["minutes"] = component.grace_minutes
    phrase: Phrase = (key, values)
    if component.name:
        return "formula.named", {"name": component.name, "rest": [phrase]}
    return phrase


def _details(tariff: Tariff, component: Component) -> list[Phrase]:
    details: list[Phrase] = []
    if component.step > 1:
        unit = "energy" if component.kind is Kind.ENERGY else "time"
        details.append((f"formula.step.{unit}", {"step": component.step}))
    if component.tax_percent is not None and component.tax_percent != tariff.tax_percent:
        details.append(("formula.tax.own", {"percent": plain(component.tax_percent)}))
    return details


def _when(when: Restriction) -> list[Phrase]:
    found: list[Phrase] = []
    if when.from_minute is not None and when.until_minute is not None:
        hours = {"from": clock_text(when.from_minute), "until": clock_text(when.until_minute)}
        found.append(("when.hours", dict(hours)))
    if when.weekdays:
        found.append(("when.days", {"days": ",".join(map(str, sorted(when.weekdays)))}))
    if when.date_from and when.date_to:
        dates = {"on": when.date_from.isoformat(), "to_on": when.date_to.isoformat()}
        found.append(("when.dates", dict(dates)))
    elif when.date_from:
        found.append(("when.since", {"on": when.date_from.isoformat()}))
    elif when.date_to:
        found.append(("when.until", {"to_on": when.date_to.isoformat()}))
    energy = [None if e is None else plain(e) for e in (when.energy_from_kwh, when.energy_to_kwh)]
    found.extend(_range("when.energy", ("kwh", "to_kwh"), energy))
    minutes = (when.duration_from_min, when.duration_to_min)
    found.extend(_range("when.duration", ("minutes", "to_minutes"), minutes))
    return found


def _range(key: str, names: tuple[str, str], limits: Sequence[object]) -> list[Phrase]:
    values = {name: value for name, value in zip(names, limits, strict=True) if value is not None}
    if not values:
        return []
    kind = "range" if len(values) == 2 else ("from" if names[0] in values else "to")
    return [(f"{key}.{kind}", values)]


def _(text: str) -> str:
    """Mark a text for translation; it is translated where it is shown."""
    return text


TEMPLATES: dict[str, str] = {
    "line.start": _("Start fee"),
    "line.start.named": _("Start fee, %(name)s"),
    "line.energy": _("Energy"),
    "line.energy.named": _("Energy, %(name)s"),
    "line.charging_time": _("Charging time"),
    "line.charging_time.named": _("Charging time, %(name)s"),
    "line.connected_time": _("Connected time"),
    "line.connected_time.named": _("Connected time, %(name)s"),
    "line.idle": _("Idle time"),
    "line.idle.named": _("Idle time, %(name)s"),
    "line.idle.grace": _("Idle after %(minutes)s min grace"),
    "line.idle.grace.named": _("Idle after %(minutes)s min grace, %(name)s"),
    "line.no_show": _("Unused reservation"),
    "line.no_show.named": _("Unused reservation, %(name)s"),
    "line.no_show_time": _("Unused reserved time"),
    "line.no_show_time.named": _("Unused reserved time, %(name)s"),
    "line.minimum": _("Minimum price %(amount)s"),
    "line.maximum": _("Price cap %(amount)s"),
    "why.no_energy": _("No energy flowed, so nothing but a start fee is charged."),
    "why.no_show": _("The plug was kept from %(at)s to %(until_at)s site time, and nobody came."),
    "why.change": _("At %(at)s site time another energy price began."),
    "why.change.named": _("At %(at)s site time “%(after)s” took over from “%(before)s”."),
    "why.interpolated": _(
        "The meter was not read at %(at)s; the energy there lies on the line between the "
        "readings of %(from_at)s and %(to_at)s."
    ),
    "why.unpriced": _("The tariff has no price for %(kwh)s kWh of it; they are free."),
    "why.free_minutes": _("The first %(minutes)s minutes are free of time charges."),
    "why.idle": _("Charging stopped at %(at)s; %(free)s of %(minutes)s idle minutes are free."),
    "why.idle.free": _("Charging stopped at %(at)s; all %(minutes)s idle minutes are free."),
    "why.idle.seen": _(
        "%(minutes)s of the idle minutes are known from the meter: no energy flowed then."
    ),
    # The next two are said on bills of before steps counted once per session.
    "why.step.energy": _("Energy is charged in started steps of %(step)s Wh."),
    "why.step.time": _("Time is charged in started steps of %(step)s seconds."),
    "why.rounded.energy": _(
        "Energy counts in started steps of %(step)s Wh, once for the whole session: "
        "%(kwh)s kWh count as %(to_kwh)s kWh."
    ),
    "why.rounded.charging_time": _(
        "Charging time counts in started steps of %(step)s seconds, once for the whole session: "
        "%(minutes)s min count as %(to_minutes)s min."
    ),
    "why.rounded.connected_time": _(
        "Connected time counts in started steps of %(step)s seconds, once for the whole session: "
        "%(minutes)s min count as %(to_minutes)s min."
    ),
    "why.rounded.idle": _(
        "Idle time counts in started steps of %(step)s seconds, once for the whole session: "
        "%(minutes)s min count as %(to_minutes)s min."
    ),
    "why.rounded.no_show_time": _(
        "Reserved time counts in started steps of %(step)s seconds, once for the whole "
        "reservation: %(minutes)s min count as %(to_minutes)s min."
    ),
    "why.rounded.line": _("The rest is on the line “%(label)s”, whose price held last."),
    "why.minimum": _("The session costs at least %(amount)s."),
    "why.maximum": _("The session costs at most %(amount)s."),
    "why.tax.inclusive": _("The prices include the tax."),
    "why.tax.exclusive": _("The tax is added to the prices."),
    "formula.free": _("Charging is free."),
    "formula.start": _("%(price)s per session%(when)s"),
    "formula.energy": _("%(price)s per kWh%(when)s"),
    "formula.charging_time": _("%(price)s per minute of charging%(when)s"),
    "formula.connected_time": _("%(price)s per minute connected%(when)s"),
    "formula.idle": _("%(price)s per idle minute%(when)s"),
    "formula.idle.grace": _(
        "%(price)s per idle minute after the first %(minutes)s idle minutes%(when)s"
    ),
    "formula.no_show": _("an unused reservation: %(price)s%(when)s"),
    "formula.no_show_time": _("an unused reservation: %(price)s per reserved minute%(when)s"),
    "formula.named": _("%(name)s: %(rest)s"),
    "formula.free_minutes": _("the first %(minutes)s minutes free of time charges"),
    "formula.minimum": _("at least %(amount)s per session with energy"),
    "formula.maximum": _("at most %(amount)s per session"),
    "formula.tax.included": _("prices include %(percent)s %% tax"),
    "formula.tax.added": _("plus %(percent)s %% tax"),
    "formula.tax.own": _(" (%(percent)s %% tax)"),
    "formula.step.energy": _(", per started %(step)s Wh"),
    "formula.step.time": _(", per started %(step)s s"),
    "when.hours": _(" from %(from)s to %(until)s"),
    "when.days": _(" on %(days)s"),
    "when.since": _(" since %(on)s"),
    "when.until": _(" until %(to_on)s"),
    "when.dates": _(" between %(on)s and %(to_on)s"),
    "when.energy.from": _(" from %(kwh)s kWh on"),
    "when.energy.to": _(" up to %(to_kwh)s kWh"),
    "when.energy.range": _(" between %(kwh)s and %(to_kwh)s kWh"),
    "when.duration.from": _(" from minute %(minutes)s on"),
    "when.duration.to": _(" up to minute %(to_minutes)s"),
    "when.duration.range": _(" between minutes %(minutes)s and %(to_minutes)s"),
}
