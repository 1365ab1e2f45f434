"""What a station gets by itself after a boot: a page of its own, reached from Setup."""

from flask import Blueprint, flash, render_template, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from app.domain.device import onboarding
from app.domain.ground.errors import DomainError, Invalid
from app.extensions import db
from app.forms.device import OnboardingForm
from app.forms.ground import refusals
from app.models import Station
from app.process.clock import utc_now
from app.queries.network import station_page
from app.uow import unit_of_work
from app.views.network._station_pages import station_or_404
from app.web.security import actor, back, needs

blueprint = Blueprint("onboarding", __name__)


@blueprint.get("/stations/<int:station_id>/onboarding")
@needs("read")
def station(station_id: int) -> ResponseReturnValue:
    """The page; `proposed=1` fills in the settings that are proposed."""
    place = station_or_404(station_id)
    wanted = place.onboarding or {}
    lines = dict(wanted.get("settings") or {})
    if request.args.get("proposed"):
        lines = {**onboarding.proposed(place), **lines}
    form = OnboardingForm(
        formdata=None,
        data={
            **{name: wanted.get(name, False) for name in onboarding.SWITCHES},
            **{word: word in (wanted.get("triggers") or ()) for word in onboarding.ASKED_FOR},
            "settings": "\n".join(f"{key} = {value}" for key, value in lines.items()),
        },
    )
    return _page(place, form)


def _page(place: Station, form: OnboardingForm) -> str:
    session = db.session()
    return render_template(
        "device/onboarding/station.html",
        station=place,
        there=station_page.now_of(session, place, utc_now()),
        form=form,
        steps=onboarding.progress(session, place),
        proposed=onboarding.proposed(place),
    )


@blueprint.post("/stations/<int:station_id>/onboarding")
@needs("write")
def save(station_id: int) -> ResponseReturnValue:
    """Keep what is to be done; it counts from the next boot."""
    place, form = station_or_404(station_id), OnboardingForm()
    if not form.validate_on_submit():
        return _page(place, form), 422
    try:
        given = {
            **{name: form[name].data for name in onboarding.SWITCHES},
            "triggers": [word for word in onboarding.ASKED_FOR if form[word].data],
            "settings": _lines(form.settings.data or ""),
        }
        with unit_of_work() as work:
            onboarding.change(work, actor(), place, given, now=utc_now())
    except DomainError as error:
        refusals.show(form, error)
        return _page(place, form), error.status
    flash(_("It takes effect when %(identity)s next boots.", identity=place.identity), "success")
    return back("onboarding.station", station_id=station_id)


def _lines(text: str) -> dict[str, str]:
    """Settings from lines of name = value."""
    found = {}
    for line in filter(None, map(str.strip, text.splitlines())):
        key, equals, value = line.partition("=")
        if not equals or not key.strip():
            raise Invalid(f"{line} should look like name = value.", field="settings")
        found[key.strip()] = value.strip()
    return found
