"""Home: what needs attention, the network now, today's numbers, stations, who is charging."""

from collections.abc import Callable
from datetime import datetime
from functools import cached_property
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

import segno
from flask import g, render_template, request
from flask.typing import ResponseReturnValue
from flask_login import current_user
from markupsafe import Markup

from app.domain.limits import supply
from app.domain.network import presence, tenants
from app.domain.network.presence import Silence
from app.domain.office import housekeeping
from app.extensions import db, the_settings
from app.models import ChargingSession
from app.process.clock import utc_now
from app.queries.ground.findings import Finding
from app.queries.money import costs
from app.queries.network import map
from app.queries.network import sites as place_queries
from app.queries.office import first_run, home
from app.text.numbers import FIXED, MINUS, change, iso_formats, language, number
from app.text.sentences import translated
from app.text.setup_guide import charger_address, leads_here_only
from app.uow import unit_of_work
from app.web import attending, kept, system
from app.web.security import Pages, actor, back

blueprint = Pages("home", __name__)

#: The days behind the sparklines hardly change: a busy Home need not add them up every time.
PAST_S = 600.0
#: What the frame and Home count over all stations may be so old, in seconds.
NOW_S = 5.0

Answer = TypeVar("Answer")

_GREETINGS = ((5, "Good night"), (12, "Good morning"), (18, "Good afternoon"), (24, "Good evening"))


@blueprint.before_app_request
def fix_the_clock() -> None:
    """One time and one time zone for the whole page, so that its ages agree."""
    g.now = utc_now()
    g.zone = "UTC"
    iso_formats.set(False)
    if request.endpoint not in (None, "live") and current_user.is_authenticated:
        g.place = place_queries.place(db.session())
        g.zone = current_user.timezone or g.place.timezone
        iso_formats.set(current_user.formats == "iso")


class Frame:
    """What the frame around every page shows; asked for only by pages that have the frame.

    An error page has none, so that it can be shown while the database is away.
    """

    def menu(self, page: str, caller: Callable[[], Markup]) -> Markup:
        """The menu as `caller` writes it for a page: once for all to whom it is the same."""
        reads = (language(), request.script_root, self.waiting.bills, self.waiting.alerts)
        return kept.get(0, ("menu", page, *reads, current_user.opens), PAST_S, caller)

    @cached_property
    def presence(self) -> home.Presence:
        """How many stations there are, how many of them connected."""
        return _of_now("presence", "stations", lambda: home.presence(db.session(), now=g.now))

    @cached_property
    def waiting(self) -> home.Waiting:
        """What waits for people, and how long nobody has heard of a worker."""
        return home.waiting(db.session())

    @property
    def silence(self) -> Silence | None:
        """Since when no worker answers; None while one does."""
        return presence.silence_since(self.waiting.beat_at, g.now)

    @cached_property
    def hearing(self) -> dict[int, datetime | None]:
        """The stations with running sessions that are connected, and since when."""
        return home.hearing(db.session(), now=g.now)

    @property
    def place(self) -> str:
        """Where, and in which time zone the page's times are."""
        return " · ".join(filter(None, (translated(g.place.name), g.zone)))


@blueprint.app_context_processor
def frame() -> dict[str, Any]:
    """Give every template the frame."""
    return {"desk": _frame()}


@blueprint.app_template_global()
def connected(station_id: int) -> bool:
    """Whether a station at which sessions run is connected."""
    return station_id in _frame().hearing


@blueprint.app_template_global()
def power_now(session: ChargingSession) -> float | None:
    """What a running session draws now, in watts; None where nobody knows."""
    there = _frame().hearing
    if session.station_id not in there:
        return None
    of_now = supply.power_of_now(session, there[session.station_id], now=g.now)
    return session.last_power_w if of_now else None


@blueprint.app_template_global()
def hears(session: ChargingSession) -> bool:
    """Whether what is told of a running session is of now.

    That a car stands idle its station says by a status; one may tell no power at all.
    """
    if session.idle_since is not None or session.last_power_w is None:
        return connected(session.station_id)
    return power_now(session) is not None


def _frame() -> Frame:
    if "frame" not in g:
        g.frame = Frame()
    frame: Frame = g.frame
    return frame


@blueprint.get("/")
def index() -> ResponseReturnValue:
    """Show Home; htmx gets the live part alone."""
    board = _board()
    if request.headers.get("HX-Request"):
        return render_template("office/home/_board.html", **board)
    return render_template("office/home/index.html", greeting=_greeting(), **board)


def _board() -> dict[str, Any]:
    session, now, zone = db.session(), g.now, g.zone
    tenant_id = current_user.tenant_id
    running, count, energy_wh = home.charging(session)
    today = _of_now(
        "today", "sessions", lambda: home.today(session, now=now, zone=zone, before=_past())
    )
    first = _of_now("stations", "stations", lambda: home.first_stations(session, now=now))
    parts = _of_now("system", "system", lambda: system.parts(session, now=now))
    return {
        "findings": [*down(parts), *attending.findings(session)],
        "first_steps": first_run.on_home(session, tenant_id, current_user.id),
        "unpriced": first_run.unpriced(session),
        "seller_missing": tenants.lacks_seller(session, tenant_id),
        "network": _of_now(
            "network", "stations", lambda: home.network_now(session, now=now, zone=zone)
        ),
        "today": today,
        "delta": _delta,
        "stations": home.stations(session, first, now=now),
        "presence": _frame().presence,
        **_map(_of_now("places", "stations", lambda: map.places(session, now=now, named=False))),
        "powers": {
            (one.station_id, one.evse): power
            for one in running
            if (power := power_now(one)) is not None
        },
        "running": running,
        "system": parts,
        "cost": lambda one: costs.so_far(session, one, now),
        "running_count": count,
        "running_wh": energy_wh,
    }


def _map(places: list[map.Place]) -> dict[str, Any]:
    """The sites on a small map, where there are some to tell apart."""
    first = map.pressing(places)
    drawn = map.plot(first, size=map.SMALL, margin=map.SMALL_MARGIN) if len(first) > 1 else None
    return {"places": places, "pressing": first, "plot": drawn, "size": map.SMALL}


def down(parts: list[system.Part]) -> list[Finding]:
    """The parts of the installation that somebody has to see to."""
    return [
        Finding("system", part.since, {"part": part})
        for part in parts
        if part.state == system.BAD and not part.told
    ]


def _past() -> home.Past:
    """The days before today, kept for a while per reach, time zone and day."""
    key = ("past", current_user.scope, g.zone, g.now.astimezone(ZoneInfo(g.zone)).date())
    return kept.get(0, key, PAST_S, lambda: home.past(db.session(), now=g.now, zone=g.zone))


def _of_now(name: str, topic: str, ask: Callable[[], Answer]) -> Answer:
    """What everybody of the same reach and time zone sees, asked for once in a few seconds."""
    key = (name, current_user.scope, g.zone)
    return kept.get(current_user.tenant_id, key, NOW_S, ask, topic)


def _delta(tile: home.Tile, digits: int | None = None) -> str:
    """What changed: in per cent, or of `digits` as it is; empty without anything to compare."""
    if tile.today is None or tile.then is None:
        return ""
    if digits is None:
        return change(tile.today, tile.then)
    difference = tile.today - tile.then
    if not difference:
        return f"±{FIXED}0"
    text = number(difference, digits)
    return text if text.startswith(MINUS) else f"+{text}"


def _greeting() -> str:
    hour = g.now.astimezone(ZoneInfo(g.zone)).hour
    words = next(words for before, words in _GREETINGS if hour < before)
    first = current_user.name.split()[0]
    return f"{translated(words)}, {first[:1].upper()}{first[1:]}"


# The way to the first receipt as a page of its own, for whoever put it away or wants it again.

first_steps = Pages("first_run", __name__, url_prefix="/first-run")


@first_steps.get("", endpoint="index")
def all_steps() -> ResponseReturnValue:
    """All steps with what is done, where chargers connect, and the page's code for a phone."""
    settings = the_settings()
    url = f"{settings.desk_url}/first-run"
    drawn = segno.make(url, error="m", micro=False).svg_inline(scale=4, border=2, light="#fff")
    return render_template(
        "office/home/first_run.html",
        first_steps=first_run.open_steps(db.session(), current_user.tenant_id),
        address=charger_address(settings, request.host.partition(":")[0]),
        url=url,
        here_only=leads_here_only(url),
        code=Markup(drawn),
    )


@first_steps.post("/hide", right="read")
def hide() -> ResponseReturnValue:
    """Put the steps away for oneself; they stay on their own page."""
    with unit_of_work() as work:
        housekeeping.see(
            *(work, actor(), current_user.tenant_id),
            kind=first_run.HIDDEN, subject=str(current_user.id), up_to=g.now, now=g.now,
        )  # fmt: skip
    return back("home.index")
