"""How the desk writes numbers, money and times: filters for the templates.

Pure functions first, then `register(app)`, which makes them Jinja filters and
adds the few globals that every page needs.  Energy comes in as Decimal
watt-hours, power as watts, money as integer minor units, times as aware UTC;
what goes out is text with the unit in it, thousands parted by a space
and nothing that may break across two lines.
"""

from datetime import UTC, datetime
from decimal import ROUND_HALF_UP, Decimal
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from babel.numbers import format_currency, get_currency_precision, get_currency_symbol
from flask import Flask, g, has_request_context, url_for
from werkzeug.routing import BuildError

from app.web import assets

#: Between thousands: Inter draws the narrow no-break space too narrow to be seen.
THIN = "\u00a0"
FIXED = "\u00a0"
MINUS = "\u2212"
DASH = "\u2013"

#: Numbers with more digits before the point are not written out.
_LARGEST_DIGITS = 18

STYLES = {
    "time": "%H:%M",
    "second": "%Y-%m-%d %H:%M:%S %Z",
    "clock": "%H:%M:%S",
    "date": "%-d %b %Y",
    "day": "%a %-d %b",
    "minute": "%-d %b %Y, %H:%M",
    "short": "%-d %b, %H:%M",
    "input": "%Y-%m-%dT%H:%M",
    "today": "%A %-d %B · %H:%M",
    "weekday": "%A",
}


def number(value: Decimal | int | float | None, digits: int = 0) -> str:
    """A number with `digits` decimals, thousands parted; a dash for None.

    What a charger sends may be beyond all reason: then its size is told, `1.0e+50`.
    """
    if value is None:
        return DASH
    exact = value if isinstance(value, Decimal) else Decimal(str(value))
    if not exact.is_finite():
        return DASH
    if exact.adjusted() > _LARGEST_DIGITS:
        return f"{exact:.1e}"
    rounded = exact.quantize(Decimal(1).scaleb(-digits), rounding=ROUND_HALF_UP)
    text = f"{abs(rounded):,.{digits}f}".replace(",", THIN)
    return f"{MINUS}{text}" if rounded < 0 else text


def kwh(wh: Decimal | int | None, digits: int = 2) -> str:
    """Watt-hours as kilowatt-hours: 22410 is `22.41 kWh`."""
    if wh is None:
        return DASH
    return f"{number(Decimal(wh) / 1000, digits)}{FIXED}kWh"


def watt_hours(wh: Decimal | int | None) -> str:
    """A register reading in whole watt-hours; thousandths only where there are any."""
    if wh is None:
        return DASH
    exact = Decimal(wh)
    whole = exact == exact.to_integral_value()
    return f"{number(exact, 0 if whole else 3)}{FIXED}Wh"


def kw(watts: float | Decimal | None, digits: int = 1) -> str:
    """Watts as kilowatts: 21800 is `21.8 kW`."""
    if watts is None:
        return DASH
    return f"{number(Decimal(str(watts)) / 1000, digits)}{FIXED}kW"


def money(minor: int | None, currency: str, locale: str | None = None) -> str:
    """Minor units as an amount: `9.41 €` on the desk, as the locale writes it when one is named."""
    if minor is None:
        return DASH
    digits = get_currency_precision(currency)
    amount = Decimal(minor).scaleb(-digits)
    if locale:
        return str(format_currency(amount, currency, locale=locale))
    return f"{number(amount, digits)}{FIXED}{get_currency_symbol(currency, locale='en')}"


def duration(seconds: float | None) -> str:
    """Seconds in the two units that matter: `45 s`, `26 min`, `1 h 12 min`, `3 d 4 h`."""
    if seconds is None:
        return DASH
    left = max(0, int(seconds))
    if left < 60:
        return f"{left}{FIXED}s"
    if left < 3600:
        return f"{left // 60}{FIXED}min"
    big, small, words = (left // 3600, left % 3600 // 60, "h min")
    if left >= 48 * 3600:
        big, small, words = (left // 86400, left % 86400 // 3600, "d h")
    large_word, small_word = words.split()
    tail = f"{FIXED}{small}{FIXED}{small_word}" if small else ""
    return f"{big}{FIXED}{large_word}{tail}"


def clock(seconds: float | None) -> str:
    """Seconds as hours and minutes for a column: `03:12`."""
    if seconds is None:
        return DASH
    minutes = max(0, int(seconds)) // 60
    return f"{minutes // 60:02d}:{minutes % 60:02d}"


def ago(moment: datetime | None, now: datetime) -> str:
    """How long ago, roughly: `now`, `2 min ago`, `3 h ago`; `in 4 min` for what is to come."""
    if moment is None:
        return "never"
    seconds = (now - moment).total_seconds()
    size = abs(seconds)
    if size < 60:
        return "now"
    if size < 3600:
        text = f"{int(size // 60)}{FIXED}min"
    elif size < 48 * 3600:
        text = f"{int(size // 3600)}{FIXED}h"
    else:
        text = f"{int(size // 86400)}{FIXED}d"
    return f"{text} ago" if seconds > 0 else f"in {text}"


def local(moment: datetime | None, style: str = "minute", zone: str = "UTC") -> str:
    """The moment on a wall clock of `zone`; `style` is a key of STYLES."""
    if moment is None:
        return DASH
    return moment.astimezone(ZoneInfo(zone)).strftime(STYLES[style])


def near(moment: datetime | None, now: datetime, zone: str = "UTC") -> str:
    """The moment on a wall clock, with its day only when that is not today."""
    if moment is None:
        return DASH
    same_day = local(moment, "date", zone) == local(now, "date", zone)
    return local(moment, "time" if same_day else "short", zone)


def iso(moment: datetime) -> str:
    """The moment for a machine: UTC, whole seconds, Z."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def change(now_value: Decimal | int, then_value: Decimal | int) -> str:
    """The change in per cent with its sign: `+18 %`; empty without anything to compare with."""
    if not then_value:
        return ""
    share = (Decimal(now_value) - Decimal(then_value)) / Decimal(then_value) * 100
    text = number(share)
    return f"{text if share < 0 else '+' + text}{FIXED}%"


def protocol(subprotocol: str) -> str:
    """A WebSocket subprotocol as people say it: `ocpp1.6` is `OCPP 1.6`."""
    return subprotocol.replace("ocpp", "OCPP ", 1)


def query_string(args: dict) -> str:
    """Parameters (a value or a list of values each) as the part of a URL after `?`."""
    return urlencode(args, doseq=True)


def _now() -> datetime:
    """The time the page is rendered at; a page fixes it once in `g.now` so that its ages agree."""
    if has_request_context() and "now" in g:
        return g.now
    return datetime.now(UTC)


def _zone() -> str:
    """The zone the signed-in person reads times in (`g.zone`), or UTC."""
    return g.get("zone", "UTC") if has_request_context() else "UTC"


def page_url(noun: str, page: str = "index", **values: object) -> str | None:
    """The address of a noun's page; None when there is none, and the menu leaves it out."""
    try:
        return url_for(f"{noun}.{page}" if page else noun, **values)
    except BuildError:
        return None


def browser(agent: str) -> str:
    """A User-Agent header in two words people know: `Firefox on Linux`."""
    programs = {"Edg": "Edge", "OPR": "Opera", "Firefox": "", "Chrome": "", "Safari": ""}
    systems = {
        "Android": "",
        "iPhone": "",
        "iPad": "",
        "Windows": "",
        "Mac OS": "macOS",
        "Linux": "",
    }
    program = next((name or word for word, name in programs.items() if f"{word}/" in agent), "")
    system = next((name or word for word, name in systems.items() if word in agent), "")
    return " on ".join(filter(None, (program, system))) or agent[:40] or "a browser"


def register(app: Flask) -> None:
    """Give the app's templates these filters and globals."""
    for function in (
        kwh,
        watt_hours,
        kw,
        money,
        duration,
        clock,
        number,
        iso,
        protocol,
        browser,
        query_string,
    ):
        app.add_template_filter(function)
    app.add_template_filter(lambda moment: ago(moment, _now()), "ago")
    app.add_template_filter(
        lambda moment, style="minute", zone="": local(moment, style, zone or _zone()), "local"
    )
    app.add_template_filter(lambda moment: near(moment, _now(), _zone()), "near")
    app.add_template_global(_now, "now")
    app.add_template_global(change)
    app.add_template_global(page_url)
    assets.register(app)
