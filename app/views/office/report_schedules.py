"""Reports on schedule: what goes out by itself, and what became of it."""

from typing import Any

from flask import g, render_template, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.domain.ground.texts import N_, row_id
from app.domain.office import schedules
from app.extensions import db
from app.forms.office.organisation import ReportScheduleForm
from app.models import ReportSchedule
from app.queries.ground import names
from app.queries.office.reports import KINDS, WAYS
from app.resource import REPORT_SCHEDULES
from app.views.ground import _doing
from app.views.ground._plain import Plain
from app.web.security import Pages

blueprint = Pages("report_schedules", __name__, url_prefix="/reports/schedules")

#: Times that a schedule's page tells of.
SHOWN = 30


@blueprint.get("", everywhere=True)
def index() -> ResponseReturnValue:
    """All schedules, with their last time and their next one."""
    session = db.session()
    rows = session.scalars(select(ReportSchedule).order_by(ReportSchedule.name_key)).all()
    newest = {row.id: schedules.runs(session, row, 1) for row in rows}
    mails = schedules.mails(session, [job for jobs in newest.values() for job in jobs])
    return render_template(
        "office/reports/schedules.html", rows=rows, newest=newest, mails=mails, kinds=KINDS
    )


@blueprint.get("/<int:schedule_id>", everywhere=True)
def show(schedule_id: int) -> ResponseReturnValue:
    """One schedule, and who got what of it when."""
    session = db.session()
    row = plain.row(schedule_id)
    runs = schedules.runs(session, row, SHOWN)
    return render_template(
        "office/reports/schedule.html",
        schedule=row,
        runs=runs,
        mails=schedules.mails(session, runs),
        kinds=KINDS,
        ways=WAYS,
    )


def _form(row: ReportSchedule | None) -> ReportScheduleForm:
    asked = request.args
    held: dict[str, Any] = {"timezone": g.zone, "every": "month"}
    held |= {"kind": asked.get("kind", "energy"), "by": asked.get("by", "")}
    held["site_id"] = asked.get("site", "")
    if row is not None:
        held = {name: getattr(row, name) for name in _PLAIN}
        held |= {"kind": row.kind.value, "site_id": str(row.narrowed_to or "")}
    form = ReportScheduleForm(data=held)
    kept = [row.site] if row is not None and row.site else ()
    places = [(str(number), name) for number, name in names.sites(db.session(), kept)]
    form.kind.choices = [(name, _(kind.title)) for name, kind in KINDS.items()]
    form.by.choices = [*form.by.choices, *((way, _(word)) for way, word in WAYS.items())]
    form.site_id.choices = [*form.site_id.choices, *places]
    return form


#: Members that the form shows as the row has them.
_PLAIN = ("name", "by", "every", "file_format", "timezone", "recipients")


def _typed(_work: Session, form: ReportScheduleForm, _row: Any) -> dict[str, Any]:
    return {**form.typed(), "site_id": row_id(form.site_id.data)}


plain = Plain(
    blueprint, REPORT_SCHEDULES, "office/reports/schedule_form.html", _form, _typed,
    everywhere=True,
)  # fmt: skip
plain.create(N_("Added %(name)s. It goes out by itself."))
plain.edit()
plain.archive(N_("Paused %(name)s."))
plain.restore(N_("Resumed %(name)s."))
_doing.does(
    *(blueprint, "/<int:schedule_id>/run", schedules.run),
    _doing.by_number(ReportSchedule, "There is no such schedule."),
    N_("It is being made and sent; this page shows how that goes."),
    everywhere=True,
)
