"""Alerts: what was found by the rules, and what people do about it."""

from datetime import datetime, timedelta
from typing import Any

from flask import Blueprint, abort, flash, render_template
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_login import current_user

from app.clock import utc_now
from app.domain.ground import texts
from app.domain.ground.errors import DomainError
from app.domain.ground.texts import N_
from app.domain.office import alerts
from app.extensions import db
from app.forms.ground import refusals
from app.forms.office.alerts import KINDS, SNOOZES, AlertForm, ClosingForm
from app.models import Alert
from app.queries.network import sites as site_queries
from app.queries.office import alerts as queries
from app.uow import unit_of_work
from app.views.ground import _bulk, _doing
from app.web import listing
from app.web.security import actor, back, needs

blueprint = Blueprint("alerts", __name__, url_prefix="/alerts")

COLUMNS = [
    ("id", lambda alert: alert.id),
    ("kind", lambda alert: alert.kind),
    ("what", lambda alert: alert.what),
    ("site", lambda alert: alert.site.name if alert.site else None),
    ("station", lambda alert: alert.station.identity if alert.station else None),
    ("began_at", lambda alert: alert.began_at),
    ("opened_at", lambda alert: alert.opened_at),
    ("closed_at", lambda alert: alert.closed_at),
    ("closed_by", lambda alert: alert.closed_by),
    ("acknowledged_at", lambda alert: alert.acknowledged_at),
    ("acknowledged_by", lambda alert: alert.acknowledged_by),
    ("assigned_to", lambda alert: alert.assigned_to.name if alert.assigned_to else None),
    ("note", lambda alert: alert.note),
]


@blueprint.get("")
@needs("read")
def index() -> ResponseReturnValue:
    """The alerts, narrowed by the URL: open ones, unless it says otherwise."""
    session, wanted = db.session(), _wanted()
    if listing.wants_file():
        return listing.file_of_rows(
            "alerts", COLUMNS, lambda wish: queries.page(session, wanted, wish)
        )
    page = queries.page(session, wanted, listing.wish())
    return render_template(
        "office/alerts/index.html",
        page=page,
        kinds=KINDS,
        sites=[(site.id, site.name) for site in site_queries.choices(db.session())],
    )


def _wanted() -> queries.Filter:
    return queries.Filter(
        q=listing.text("q"),
        state=listing.text("state"),
        kind=listing.text("kind"),
        site_id=listing.number("site"),
        assigned_to_id=current_user.id if listing.text("mine") else None,
        acknowledged=listing.text("acknowledged"),
    )


@blueprint.get("/<int:alert_id>")
@needs("read")
def show(alert_id: int) -> ResponseReturnValue:
    """One alert: what and since when, who was told, and who sees to it."""
    return _page(_alert(alert_id))


_doing.does(
    *(blueprint, "/<int:alert_id>/acknowledge", alerts.acknowledge),
    _doing.by_number(Alert, "There is no such alert."),
    N_("Acknowledged. Everyone can see that you know about it."),
)


@blueprint.post("/<int:alert_id>/close")
@needs("write")
def close(alert_id: int) -> ResponseReturnValue:
    """Close it by hand, with a note."""
    form = ClosingForm()
    if form.validate_on_submit():
        note, now = form.note.data, utc_now()
        with unit_of_work() as work:
            alerts.close(work, actor(), _alert(alert_id), now=now, note=note)
        flash(_("Closed. It opens again if the problem comes back."), "success")
        return back("alerts.show", alert_id=alert_id)
    return _page(_alert(alert_id), closing=form), 422


@blueprint.post("/<int:alert_id>/edit")
@needs("write")
def edit(alert_id: int) -> ResponseReturnValue:
    """Assign, snooze, and note."""
    alert, now = _alert(alert_id), utc_now()
    form = _form(alert)
    if form.validate_on_submit():
        given: dict[str, Any] = {"note": form.note.data}
        if form.assigned_to.choices:
            given["assigned_to_id"] = texts.row_id(form.assigned_to.data)
        if form.snooze.data or alert.snoozed_until is None:
            given["snoozed_until"] = _until(form.snooze.data, now)
        try:
            with unit_of_work() as work:
                alerts.change(work, actor(), _alert(alert_id), now=now, **given)
            flash(_("Saved."), "success")
            return back("alerts.show", alert_id=alert_id)
        except DomainError as error:
            refusals.show(form, error)
    return _page(_alert(alert_id), form), 422


def _hours(action: str, hours: str) -> dict[str, Any]:
    """How long mails are put off; a button says how many hours."""
    if action != "snooze":
        return {}
    if hours not in dict(SNOOZES):
        abort(400, "There is no such action.")
    return {"until": _until(hours, utc_now())}


def _changed(count: int) -> str:
    return str(_("Changed %(count)s alerts.", count=count))


_bulk.hang(
    blueprint,
    alerts.MANY,
    lambda work: _wanted().select(),
    dict.fromkeys(alerts.MANY.acts, _changed),
    _hours,
)


def _alert(alert_id: int) -> Alert:
    return db.session.get(Alert, alert_id) or abort(404, "There is no such alert.")


def _until(hours: str | None, now: datetime) -> datetime | None:
    return now + timedelta(hours=int(hours)) if hours else None


def _form(alert: Alert) -> AlertForm:
    held = {"assigned_to": str(alert.assigned_to_id or ""), "note": alert.note}
    form = AlertForm(data=held)
    able = queries.who_may_see_to(db.session(), alert)
    form.assigned_to.choices = [
        ("", _("nobody")),
        *((str(user.id), user.name) for user in able),
    ]
    return form


def _page(alert: Alert, form: AlertForm | None = None, closing: ClosingForm | None = None) -> str:
    return render_template(
        "office/alerts/show.html",
        alert=alert,
        form=form or _form(alert),
        closing=closing or ClosingForm(),
        kinds=KINDS,
        story=queries.story(db.session(), alert),
    )
