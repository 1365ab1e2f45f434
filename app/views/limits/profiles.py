"""Charging profiles: the library, one profile with its picture, and giving it to a station."""

import contextlib
import json
from datetime import datetime
from typing import Any

from flask import flash, g, render_template
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from sqlalchemy.orm import Session

from app.domain.ground import clock, texts
from app.domain.ground.errors import DomainError, Invalid
from app.domain.ground.rows import read
from app.domain.ground.texts import N_
from app.domain.ground.vocabulary import Order
from app.domain.limits import profile_forms
from app.domain.limits.profile_documents import KINDS, PURPOSES, said
from app.extensions import db
from app.forms.ground import refusals
from app.forms.limits import AssignForm, ProfileForm
from app.models import ChargingProfile
from app.process.clock import utc_now
from app.queries import limits as queries
from app.queries.ground import picks
from app.resource import PROFILES
from app.text.numbers import local
from app.text.sentences import translated
from app.views.commands import _station_commands as order_pages
from app.views.ground._plain import Plain
from app.web import listing
from app.web.security import Pages, back

blueprint = Pages("profiles", __name__, url_prefix="/profiles")
blueprint.add_app_template_filter(lambda word: translated(said(word)), "profile_said")
blueprint.add_app_template_filter(
    lambda word: translated(PURPOSES.get(word, word)), "profile_purpose"
)
blueprint.add_app_template_filter(lambda word: translated(KINDS.get(word, word)), "profile_kind")
blueprint.add_app_template_filter(profile_forms.clock, "offset")
blueprint.add_app_template_filter(profile_forms.start_said, "step_start")
blueprint.add_app_template_filter(datetime.fromisoformat, "instant")

_FIELDS = (*("purpose", "kind", "unit", "stack_level", "min_rate", "duration_s", "update_every_s"),)
_MOMENTS = ("starts_at", "valid_from", "valid_to")


@blueprint.get("")
def index() -> ResponseReturnValue:
    """The library."""
    wanted = listing.asked(queries.Filter)
    return listing.shown(
        *("profiles", COLUMNS, lambda wish: queries.page(db.session(), wanted, wish)),
        "limits/profiles/index.html",
        lambda page: {"counts": queries.users(db.session(), [row.id for row in page])},
    )


COLUMNS: list[Any] = [
    *read("id name note"),
    ("document", lambda row: json.dumps(row.document)),
    *read("archived_at"),
]


@blueprint.get("/<int:profile_id>")
def show(profile_id: int) -> ResponseReturnValue:
    """One profile: its picture, what it says, and where it went."""
    return _page(plain.row(profile_id), AssignForm(formdata=None))


@blueprint.post("/<int:profile_id>/assign")
def assign(profile_id: int) -> ResponseReturnValue:
    """Give a profile to a station, as a whole; its Energy tab knows connectors and sessions."""
    profile, form = plain.row(profile_id), AssignForm()
    with refusals.on(form):
        station = picks.station(db.session(), form.station.data or "", in_use=True)
        order_pages.ask(station, Order.SET_PROFILE, {"profile_id": profile.id})
        told = {"identity": station.identity, "name": profile.name}
        flash(_("%(identity)s was asked to take %(name)s.", **told), "success")
        return back("energy.station", station_id=station.id)
    return _page(profile, form), form.answer


def _document(form: ProfileForm) -> dict[str, Any]:
    """What was typed, as a document; raises `Invalid`."""
    if text := (form.document.data or "").strip():
        try:
            found = texts.document(text)
        except texts.ToldTwice as error:
            raise Invalid(f"The document {error}.", field="document") from None
        except ValueError:
            raise Invalid("This is not JSON.", field="document") from None
        if not isinstance(found, dict):
            raise Invalid("This is not a JSON object.", field="document")
        return found
    typed = {name: form[name].data for name in _FIELDS}
    given = {name: value for name, value in typed.items() if value not in (None, "")}
    for name in _MOMENTS:
        if text := (form[name].data or "").strip():
            given[name] = _instant(name, text)
    return {**given, "periods": profile_forms.read_rows(form.periods.data)}


def _instant(name: str, text: str) -> str:
    """A time on the clock of whoever types it: the library belongs to no site."""
    try:
        typed = datetime.fromisoformat(text)
    except ValueError:
        raise Invalid("This is not a time.", field=name) from None
    return clock.instant(typed, g.get("zone", "UTC"), field=name).isoformat()


def _moments(document: dict[str, Any]) -> dict[str, str]:
    """The document's times as they are picked; those that would not come back the same are not."""
    found = {}
    for name in _MOMENTS:
        if text := document.get(name):
            picked = local(datetime.fromisoformat(text), "input", g.get("zone", "UTC"))
            with contextlib.suppress(Invalid):
                if _instant(name, picked) == text:
                    found[name] = picked
    return found


def _typed(profile: ChargingProfile) -> dict[str, Any]:
    document = profile.document
    facts = {name: document.get(name) for name in _FIELDS}
    periods = document["periods"]
    moments = _moments(document)
    known = {*_FIELDS, "periods", *moments}
    simple = set(document) <= known and profile_forms.periods_sayable(periods)
    whole = "" if simple else json.dumps(document, indent=2)
    return {
        **facts,
        **(moments if simple else {}),
        "name": profile.name,
        "note": profile.note,
        "periods": profile_forms.written_rows(periods, document["kind"]) if simple else [],
        "document": whole,
    }


def _form(profile: ChargingProfile | None) -> ProfileForm:
    first = {"starts": "00:00", "limit": "16", "phases": "3"}
    form = ProfileForm(data=_typed(profile) if profile else {"periods": [first]})
    if profile is not None:
        form.offer_purpose(profile.document["purpose"])
    return form.spare_rows()


def _refused(form: ProfileForm, error: DomainError) -> None:
    """Show a refusal at the row that it is about."""
    whole, _, rest = (error.field or "").partition(".")
    number, _, name = rest.partition(".")
    if whole == "periods" and number.isdigit() and int(number) < len(form.periods):
        field = form.periods[int(number)].form[name or "starts"]
        field.errors = [*field.errors, error.sentence]
    elif whole == "periods":
        form.form_errors.append(error.sentence)
    else:
        refusals.show(form, error)


def _given(work: Session, form: ProfileForm, profile: ChargingProfile | None) -> dict[str, Any]:
    return {"name": form.name.data, "document": _document(form), "note": form.note.data}


plain = Plain(
    *(blueprint, PROFILES, "limits/profiles/form.html", _form, _given, _refused),
    context=lambda: {"zone": g.get("zone", "UTC")},
)
plain.create()
plain.edit()
plain.archive(N_("Archived %(name)s. Stations keep the copies they hold."))
plain.restore()


def _page(profile: ChargingProfile, form: AssignForm) -> str:
    session, now, zone = db.session(), utc_now(), g.get("zone", "UTC")
    return render_template(
        "limits/profiles/show.html",
        profile=profile,
        form=form,
        zone=zone,
        picture=queries.picture(profile.document, now, zone),
        assignments=queries.assignments(session, profile),
    )
