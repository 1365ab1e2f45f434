"""Alerts: what was found by the rules, and what people do about it."""

from datetime import datetime, timedelta
from typing import Any

from flask import abort, flash, g, render_template
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_login import current_user
from sqlalchemy.orm import Session

from app.domain.ground import texts
from app.domain.ground.rows import read
from app.domain.ground.texts import N_
from app.domain.office import alerts
from app.extensions import db
from app.forms.ground import refusals
from app.forms.office.organisation import KINDS, SNOOZES, AlertForm, AlertRuleForm, ClosingForm
from app.models import Alert, AlertRule
from app.process.clock import utc_now
from app.queries.ground import names
from app.queries.office import alerts as queries
from app.resource import ALERT_RULES
from app.uow import unit_of_work
from app.views.ground import _bulk, _doing, _opened
from app.views.ground._plain import Plain
from app.web import listing
from app.web.security import Pages, actor, back

blueprint = Pages("alerts", __name__, url_prefix="/alerts")
_alert = _doing.by_number(Alert, "There is no such alert.")

COLUMNS = [
    *read("id kind what site=site.name station=station.identity began_at opened_at closed_at"),
    *read("closed_by acknowledged_at acknowledged_by assigned_to=assigned_to.name note"),
]


@blueprint.get("")
def index() -> ResponseReturnValue:
    """The alerts, narrowed by the URL: open ones, unless it says otherwise."""
    wanted = _wanted()
    return listing.shown(
        *("alerts", COLUMNS, lambda wish: queries.page(db.session(), wanted, wish)),
        "office/alerts/index.html",
        lambda page: {"kinds": KINDS, "sites": names.sites(db.session())},
    )


def _wanted() -> queries.Filter:
    mine = current_user.id if listing.text("mine") else None
    return listing.asked(queries.Filter, assigned_to_id=mine)


@blueprint.get("/<int:alert_id>")
def show(alert_id: int) -> ResponseReturnValue:
    """One alert: what and since when, who was told, and who sees to it."""
    return _page(_alert(alert_id))


_doing.does(
    *(blueprint, "/<int:alert_id>/acknowledge", alerts.acknowledge),
    _alert,
    N_("Acknowledged. Everyone can see that you know about it."),
)


@blueprint.post("/<int:alert_id>/close")
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
        with refusals.on(form):
            with unit_of_work() as work:
                alert = _alert(alert_id)
                _opened.refuse_changed(work, form, alert)
                alerts.change(work, actor(), alert, now=now, **given)
            flash(_("Saved."), "success")
            return back("alerts.show", alert_id=alert_id)
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


def _until(hours: str | None, now: datetime) -> datetime | None:
    return now + timedelta(hours=int(hours)) if hours else None


def _form(alert: Alert) -> AlertForm:
    opened = _opened.when(alert)
    held = {"assigned_to": str(alert.assigned_to_id or ""), "note": alert.note}
    form = AlertForm(data=held)
    form.opened = opened
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


# Rules of alerts: what is watched, where, and who is told.

rules = Pages("alert_rules", __name__, url_prefix="/alerts/rules")


@rules.get("", endpoint="index", everywhere=True)
def all_rules() -> ResponseReturnValue:
    """All rules, with what they have found."""
    session = db.session()
    return render_template(
        "office/alerts/rules.html",
        rules=queries.rules(session),
        found=queries.found_by(session),
        kinds=KINDS,
    )


def _rule_form(rule: AlertRule | None) -> AlertRuleForm:
    me = [current_user.email]
    held: dict[str, Any] = {"timezone": g.zone, "kind": "station_offline", "mail_to": me}
    if rule is not None:
        held = {name: getattr(rule, name) for name in _PLAIN}
        held |= {"kind": rule.kind.value, "site_ids": [site.id for site in rule.sites]}
    form = AlertRuleForm(data=held)
    form.site_ids.choices = names.sites(db.session(), rule.sites if rule else ())
    return form


#: Members that the form shows as the row has them.
_PLAIN = (
    *("name", "minutes", "days", "mail_to", "quiet_from", "quiet_until", "timezone"),
    *("escalate_after", "escalate_to"),
)


def _rule_typed(_work: Session, form: AlertRuleForm, _rule: AlertRule | None) -> dict[str, Any]:
    return form.typed()


plain_rules = Plain(
    rules, ALERT_RULES, "office/alerts/rule_form.html", _rule_form, _rule_typed, everywhere=True
)
plain_rules.create(N_("Added the rule %(name)s. It takes effect now."), ".index")
plain_rules.edit(then=".index")
plain_rules.archive(N_("Switched off %(name)s."), ".index")
plain_rules.restore(N_("Switched on %(name)s."), ".index")
