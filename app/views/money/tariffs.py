"""Tariffs: the list, one tariff with its week, versions and calculator, and the editor."""

from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from flask import abort, flash, g, render_template, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_login import current_user
from sqlalchemy.orm import Session

from app.domain.ground.errors import DomainError, Invalid
from app.domain.ground.rows import read
from app.domain.ground.texts import N_
from app.domain.money import tariff_book, tariff_choice, validity
from app.domain.money import tariffs as prices
from app.extensions import db
from app.forms.money import TariffForm
from app.models import Tariff, TariffVersion
from app.process.clock import utc_now
from app.queries.ground.paging import MOST_COUNTED, Page, Wish
from app.queries.money import tariffs as queries
from app.queries.money.tariffs import Filter
from app.text import writers
from app.uow import unit_of_work
from app.views.ground import _doing, _opened
from app.views.money import _bench
from app.web import listing
from app.web.security import Pages, actor, back

blueprint = Pages("tariffs", __name__, url_prefix="/tariffs")
_found = _doing.by_number(Tariff, "There is no such tariff.")

#: Stretches of time that the page of a tariff draws, the latest ones.
SHOWN = 12


@blueprint.app_template_filter("in_force")
def _held(tariff: Tariff, zone: str = "") -> TariffVersion:
    """The version that holds now, on the clock of a zone or of whoever looks."""
    return validity.in_force(tariff.versions, utc_now(), zone or g.get("zone", "UTC"))


@blueprint.get("")
def index() -> ResponseReturnValue:
    """The list, narrowed, sorted and paged by the URL, or as CSV."""
    session = db.session()
    wanted = listing.asked(Filter)

    def counted(wish: Wish) -> tuple[Page, dict[int | None, dict[str, int]]]:
        page = queries.page(session, wanted, wish)
        return page, queries.holder_counts(session, [tariff.id for tariff in page])

    if listing.wants_file():
        return listing.file_of_pages("tariffs", counted, _columns)
    page, counts = counted(listing.wish())
    return render_template(
        "money/tariffs/index.html",
        page=page,
        counts=counts,
        currencies=[(code, code) for code in queries.currencies(session)],
        formula=lambda tariff: formula(_held(tariff).definition),
    )


def _columns(counts: dict[int | None, dict[str, int]]) -> list[tuple[str, Callable[[Any], Any]]]:
    return [
        *read("name currency"),
        ("version", lambda tariff: _held(tariff).number),
        *read("default=is_default"),
        ("formula", lambda tariff: "; ".join(formula(_held(tariff).definition))),
        *(
            (f"{word}s", lambda tariff, word=word: counts.get(tariff.id, {}).get(word, 0))
            for word in ("site", "station", "group", "driver")
        ),
        ("changed", lambda tariff: tariff.versions[-1].created_at),
        *read("archived=archived_at"),
    ]


def formula(definition: dict[str, Any]) -> list[str]:
    """A stored definition in sentences."""
    parsed = prices.from_json(definition)
    return [writers.desk(phrase) for phrase in prices.formula_in_words(parsed)]


@blueprint.get("/<int:tariff_id>")
def show(tariff_id: int) -> ResponseReturnValue:
    """One tariff: its formula, its week, who has it, its versions, and a price example."""
    session = db.session()
    tariff = _found(tariff_id)
    version = _version(tariff)
    parsed = prices.from_json(version.definition)
    now, zones = utc_now(), queries.zones(session) or ["UTC"]
    return render_template(
        "money/tariffs/show.html",
        held=_held(tariff),
        spans=validity.spans(tariff.versions, g.get("zone", "UTC"))[-SHOWN:],
        planned={each.id for each in tariff.versions if validity.planned(each, now, zones)},
        tariff=tariff,
        version=version,
        parsed=parsed,
        formula=formula,
        week=prices.week_picture(parsed, _monday()),
        holders=queries.holders(session, tariff),
        sessions=queries.sessions_by_version(session, tariff),
        most_counted=MOST_COUNTED,
        zones=zones,
        **_example(session, version),
    )


def _monday() -> date:
    here = datetime.now(listing.zone())
    return datetime.fromordinal(here.toordinal() - here.weekday()).date()


def _version(tariff: Tariff) -> TariffVersion:
    number = listing.number("version")
    if number is None:
        return _held(tariff)
    found = next((each for each in tariff.versions if each.number == number), None)
    return found or abort(404)


def _example(session: Session, version: TariffVersion) -> dict[str, Any]:
    """What the calculator was asked and what it answers."""
    now = utc_now()
    zone = request.args.get("zone", "") or (queries.zones(session) or ["UTC"])[0]
    asked: dict[str, Any] = {
        "kwh": request.args.get("kwh", "20")[:20].replace(",", "."),
        "minutes": listing.number("minutes") if "minutes" in request.args else 60,
        "idle": listing.number("idle") or 0,
        "at": request.args.get("at", "")[:20],
        "zone": zone,
    }
    try:
        quote = tariff_book.example(
            version,
            energy_kwh=Decimal(asked["kwh"] or "0"),
            charging_min=asked["minutes"] or 0,
            idle_min=asked["idle"],
            local_start=datetime.fromisoformat(asked["at"]) if asked["at"] else None,
            timezone=zone,
            now=now,
        )
        return {"asked": asked, "quote": quote, "example_error": ""}
    except Invalid as error:
        return {"asked": asked, "quote": None, "example_error": error.sentence}
    except (InvalidOperation, ValueError):
        return {"asked": asked, "quote": None, "example_error": "Type numbers and a time."}


@blueprint.route("/new", methods=["GET", "POST"], everywhere=True)
def create() -> ResponseReturnValue:
    """Make a tariff; `?like=3` begins with what tariff 3 says."""
    form = TariffForm() if request.method == "POST" else _first_form()
    done = _edited(form)
    if done is not None:
        return done
    if form.validate_on_submit():
        try:
            with unit_of_work() as work:
                tariff = tariff_book.create(
                    work,
                    actor(),
                    current_user.tenant_id,
                    name=form.name.data,
                    definition=form.definition(),
                    note=form.note.data,
                    default=bool(form.default.data),
                    now=utc_now(),
                )
            made = _("%(name)s was created. Now assign it to a site.", name=tariff.name)
            if tariff.is_default:
                made = _("%(name)s was created; it is the default.", name=tariff.name)
            flash(made, "success")
            return back("tariffs.show", tariff_id=tariff.id)
        except DomainError as error:
            form.point_out(error)
    return _editor(form, None)


def _first_form() -> TariffForm:
    model_id = listing.number("like")
    model = db.session().get(Tariff, model_id) if model_id else None
    if model is None:
        currency = tariff_choice.only_currency(db.session(), current_user.tenant_id) or "EUR"
        document = {"currency": currency, "components": [{"kind": "energy", "price": ""}]}
        return TariffForm.of("", document, default=not queries.has_default(db.session()))
    return TariffForm.of(f"{model.name} (copy)"[:120], tariff_book.said(_held(model)))


@blueprint.route("/<int:tariff_id>/edit", methods=["GET", "POST"], everywhere=True)
def edit(tariff_id: int) -> ResponseReturnValue:
    """Rename a tariff or give it a new version."""
    tariff = _found(tariff_id)
    opened = _opened.when(tariff)
    if request.method == "POST":
        form = TariffForm()
    else:
        form = TariffForm.of(tariff.name, tariff_book.said(_held(tariff)))
    form.opened = opened
    done = _edited(form, tariff)
    if done is not None:
        return done
    if form.validate_on_submit():
        try:
            with unit_of_work() as work:
                _opened.refuse_changed(work, form, tariff)
                tariff_book.edit(
                    work,
                    actor(),
                    tariff,
                    name=form.name.data,
                    definition=form.definition(),
                    note=form.note.data,
                    valid_from=form.valid_from.data,
                    valid_until=form.valid_until.data,
                    now=utc_now(),
                )
            number = tariff.versions[-1].number
            flash(
                _("Saved %(name)s as version %(number)s.", name=tariff.name, number=number),
                "success",
            )
            return back("tariffs.show", tariff_id=tariff_id)
        except DomainError as error:
            form.point_out(error)
    return _editor(form, _found(tariff_id))


def _edited(form: TariffForm, tariff: Tariff | None = None) -> ResponseReturnValue | None:
    """The page after a button of the editor that saves nothing; None if it is to be saved."""
    action = request.form.get("action", "save")
    if request.method != "POST" or action == "save":
        return None
    if action not in ("preview", "bench"):
        opened, form = form.opened, form.rearranged(action)
        form.opened = opened
    return _editor(form, tariff, refused=False, tried=action == "bench")


def _editor(
    form: TariffForm, tariff: Tariff | None, refused: bool = True, tried: bool = False
) -> ResponseReturnValue:
    """The editor beside what the draft says, as far as it can be read, and (`tried`) costs."""
    draft, week, trouble, never, bench = None, None, "", [], None
    try:
        draft = tariff_book.checked(form.definition())
        never = tariff_book.never_apply(draft, utc_now())
        week = prices.week_picture(draft, _monday())
        bench = _bench.tried(draft, tariff) if tried else None
    except Invalid as error:
        trouble = error.sentence
    if bench is not None and listing.wants_file():
        return _bench.as_file(bench)
    page = render_template(
        "money/tariffs/form.html",
        form=form,
        tariff=tariff,
        draft=draft,
        week=week,
        never=never,
        trouble=trouble if request.method == "POST" else "",
        bench=bench,
        month=_bench.month(),
        formula=prices.formula_in_words(draft) if draft else [],
    )
    return page, 422 if refused and request.method == "POST" else 200


for _word, _act, _said in (
    ("archive", tariff_book.archive, N_("%(name)s is archived.")),
    ("restore", tariff_book.restore, N_("%(name)s is restored.")),
):
    _doing.does(
        *(blueprint, f"/<int:tariff_id>/{_word}", _act),
        *(_found, _said),
        everywhere=True,
    )


@blueprint.post("/<int:tariff_id>/default", everywhere=True)
def default(tariff_id: int) -> ResponseReturnValue:
    """Make a tariff the default, or no longer."""
    wanted = request.form.get("default") != "no"
    with unit_of_work() as work:
        tariff = _found(tariff_id)
        tariff_book.set_default(work, actor(), tariff, wanted, now=utc_now())
        name = tariff.name
    told = N_("%(name)s is the default.") if wanted else N_("%(name)s is no longer the default.")
    flash(_(told, name=name), "success")
    return back("tariffs.show", tariff_id=tariff_id)


@blueprint.post("/<int:tariff_id>/versions/<int:number>/withdraw", everywhere=True)
def withdraw(tariff_id: int, number: int) -> ResponseReturnValue:
    """Take a planned version back before it begins."""
    with unit_of_work() as work:
        tariff = _found(tariff_id)
        tariff_book.withdraw(work, actor(), tariff, number, now=utc_now())
    flash(_("Version %(number)s is withdrawn.", number=number), "success")
    return back("tariffs.show", tariff_id=tariff_id)
