"""Every sentence that a tariff or a price is told in, in English.

The texts are the message ids of the translations.
"""


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
    "line.minimum": _("Minimum price %(amount)s"),
    "line.maximum": _("Price cap %(amount)s"),
    "why.no_energy": _("No energy flowed, so nothing but a start fee is charged."),
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
