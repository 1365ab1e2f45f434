"""At the charger: what its label opens, for staff with a phone and for everybody else."""

from dataclasses import dataclass
from functools import lru_cache
from io import BytesIO

import segno
from flask import Response, abort, flash, make_response, render_template, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_login import current_user
from markupsafe import Markup

from app.domain.commands import command_rules, orders
from app.domain.ground.errors import DomainError
from app.domain.ground.vocabulary import Area, Order
from app.domain.money import receipts, tariff_choice
from app.domain.money import tariffs as prices
from app.domain.network import field
from app.extensions import db, limiter
from app.models import NotedFault, Station, TariffVersion, Tenant
from app.process.clock import utc_now
from app.queries.network import station_page, station_timeline, station_why
from app.text.sentences import translated
from app.text.writers import LOCALES, Writer
from app.uow import unit_of_work
from app.views.commands import _station_commands as order_pages
from app.views.ground import _doing
from app.web import photos
from app.web.security import Pages, actor, back, needs, public

blueprint = Pages("field", __name__, url_prefix="/q/<code>")
_fault = _doing.by_number(NotedFault, "There is no such fault.")

#: What may be asked of a charger by somebody in front of it.
ORDERS = frozenset(
    (
        *(Order.RESET, Order.UNLOCK, Order.SET_AVAILABILITY),
        *(Order.START_CHARGING, Order.STOP_CHARGING),
    )
)


@dataclass(frozen=True, slots=True)
class Label:
    """What is printed on one label."""

    station: Station
    url: str
    code: Markup


def label(station: Station, base: str) -> Label:
    """The label of a station; `base` is the desk's address."""
    url = f"{base}/q/{station.field_code}"
    return Label(station, url, _drawn(url))


@lru_cache(maxsize=1000)
def _drawn(url: str) -> Markup:
    # The mask is given: to try all eight takes five times as long, and a random code needs none.
    code = segno.make(url, error="m", micro=False, mask=3)
    return Markup(code.svg_inline(scale=4, border=2, light="#fff"))


@blueprint.get("")
@limiter.limit("60/minute")
@public
def show(code: str) -> Response:
    """The charger's page: with actions for staff, in a few words for everybody else."""
    station = field.by_code(db.session(), code)
    if station is None:
        abort(404)
    if current_user.is_authenticated and current_user.may(Area.NETWORK, "read"):
        return make_response(_staff(station))
    return _everybody(station)


@blueprint.post("/order")
def order(code: str) -> ResponseReturnValue:
    """Give one of the orders of this page, and come back to it."""
    station, wanted = _station(code), order_pages.posted_order()
    if wanted not in ORDERS:
        abort(400, "This is asked on the station's own page.")
    given = order_pages.posted_arguments(wanted, station.site.timezone)
    try:
        order_pages.ask(station, wanted, given, order_pages.shown_sessions())
    except command_rules.EndsSessions:
        return order_pages.to_question(station, wanted, given, return_to="charger")
    except DomainError as error:
        flash(error.sentence, "error")
    else:
        words = translated(orders.describe(wanted, orders.arguments(wanted, given)))
        flash(_("Asked: %(words)s. Its answer is shown below.", words=words), "success")
    return back("field.show", code=code)


@blueprint.post("/fault")
@limiter.limit("30/minute")
@needs("write")
def fault(code: str) -> ResponseReturnValue:
    """Note what is wrong with the charger, with a photo if there is one."""
    try:
        photo = photos.drawn_anew(request.files["photo"].stream) if request.files else None
        _note(_station(code), request.form.get("text", ""), photo)
    except DomainError as error:
        flash(error.sentence, "error")
    else:
        flash(_("Noted."), "success")
    return back("field.show", code=code)


def _station(code: str) -> Station:
    return field.by_code(db.session(), code) or abort(404, "There is no such station.")


def _staff(station: Station) -> str:
    session, now = db.session(), utc_now()
    there = station_page.now_of(session, station, now)
    return render_template(
        "network/stations/field.html",
        station=station,
        there=there,
        whys=station_why.answers(session, there, now),
        day=station_timeline.last_day(session, station, now),
        faults=station_timeline.noted_faults(session, station, now),
    )


def _everybody(station: Station) -> Response:
    """What a driver may know: no identity of the charger, nobody's session."""
    session, now = db.session(), utc_now()
    language = request.accept_languages.best_match([*LOCALES]) or "en"
    words = Writer(language, station.site.timezone)
    answer = make_response(
        render_template(
            "network/stations/public.html",
            lang=language,
            _=words.translate,
            station=station,
            there=station_page.now_of(session, station, now),
            prices=_prices(station, words),
            contact=receipts.seller_of(session.get_one(Tenant, station.tenant_id), station.site),
        )
    )
    answer.headers["Cache-Control"] = "private, max-age=15"
    answer.headers["X-Robots-Tag"] = "noindex"
    return answer


def _prices(station: Station, words: Writer) -> list[str]:
    """What charging costs somebody without a price of their own; empty where nothing is set."""
    session = db.session()
    found = tariff_choice.Prices(session, [station])
    choice = tariff_choice.applicable(found, station, None, utc_now())
    if choice.version_id is None:
        return []
    version = session.get_one(TariffVersion, choice.version_id)
    parsed = prices.from_json(version.definition)
    return [words.say(phrase) for phrase in prices.formula_in_words(parsed)]


# Faults that staff noted at a station: their photos, and that they are done.

faults = Pages("faults", __name__, url_prefix="/faults/<int:fault_id>")


@faults.get("/photo")
def photo(fault_id: int) -> Response:
    """The photo of a fault."""
    return photos.answer(_fault(fault_id).photo, f"fault-{fault_id}.jpg")


@faults.post("/done")
def done(fault_id: int) -> ResponseReturnValue:
    """Say that a fault is done, and maybe how."""
    fault, _note = _fault(fault_id), request.form.get("note", "")
    with unit_of_work() as work:
        field.settle_fault(work, actor(), fault, _note, now=utc_now())
    flash(_("Done."), "success")
    if request.form.get("at") == "charger" and fault.station.field_code:
        return back("field.show", code=fault.station.field_code)
    return back("stations.show", station_id=fault.station_id)


def _note(station: Station, text: str, photo: bytes | None) -> None:
    """Note a fault for whoever is signed in; its photo is kept only when it is."""
    now = utc_now()
    if photo is None:
        with unit_of_work() as work:
            field.note_fault(work, actor(), station, text, now=now)
        return
    with photos.store().saved(BytesIO(photo).read, len(photo)) as stored, unit_of_work() as work:
        field.note_fault(work, actor(), station, text, now=now, photo=stored.stored_as)
