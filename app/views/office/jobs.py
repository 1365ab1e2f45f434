"""A person's own imports and exports: how far they are, what came of them, and their files."""

from typing import Any

from flask import abort, render_template, send_file
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import lazy_gettext
from flask_login import current_user
from sqlalchemy import select

from app.domain.ground.texts import N_
from app.domain.ground.vocabulary import JobKind
from app.domain.office import jobs
from app.extensions import db, the_settings
from app.models import Job
from app.views.ground import _doing
from app.web.file_store import EXPORTS, Store
from app.web.security import Pages

blueprint = Pages("jobs", __name__, url_prefix="/jobs")

#: Jobs on the page: the newest.
MOST = 100
KINDS: dict[JobKind, Any] = {
    JobKind.IMPORT_TAGS: lazy_gettext("Import of tags"),
    JobKind.IMPORT_DRIVERS: lazy_gettext("Import of drivers"),
    JobKind.IMPORT_SITES: lazy_gettext("Import of sites"),
    JobKind.IMPORT_STATIONS: lazy_gettext("Import of stations"),
    JobKind.EXPORT_SESSIONS: lazy_gettext("Export of sessions"),
    JobKind.EXPORT_BILLS: lazy_gettext("Export of bills"),
    JobKind.EXPORT_REPORT: lazy_gettext("Report on schedule"),
}


@blueprint.get("")
def index() -> ResponseReturnValue:
    """One’s own jobs, the newest first."""
    own = select(Job).where(Job.user_id == current_user.id).order_by(Job.id.desc()).limit(MOST)
    return render_template("office/jobs/index.html", jobs=db.session.scalars(own).all(),
                           kinds=KINDS)  # fmt: skip


@blueprint.get("/<int:job_id>")
def show(job_id: int) -> ResponseReturnValue:
    """One job: it keeps itself fresh while it runs."""
    job = _own(job_id)
    return render_template("office/jobs/show.html", job=job, kinds=KINDS,
                           is_import=job.kind in jobs.IMPORTS)  # fmt: skip


@blueprint.get("/<int:job_id>/file")
def file(job_id: int) -> ResponseReturnValue:
    """The file of an export."""
    job = _own(job_id)
    jobs.refuse(current_user.rights, job.kind)
    path = Store(the_settings(), EXPORTS).path(job.stored_as or "")
    if path is None:
        abort(404, _("The file is no longer kept; export it again."))
    return send_file(path, as_attachment=True, download_name=job.file_name, max_age=0)


_doing.does(
    *(blueprint, "/<int:job_id>/cancel", jobs.cancel),
    lambda job_id: _own(job_id),
    N_("Cancelled. What was imported before stays."),
    right="read",
)


def _own(job_id: int) -> Job:
    job = db.session.get(Job, job_id)
    if job is None or job.user_id != current_user.id:
        abort(404, _("You have no such job."))
    return job
