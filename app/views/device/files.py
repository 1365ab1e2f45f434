"""Firmware and logs of one station: its jobs, what it brought, what it told of customers."""

from flask import Response, abort, render_template, send_file
from flask.typing import ResponseReturnValue
from flask_login import current_user

from app.domain.device import customer_information, files
from app.domain.ground.texts import N_
from app.domain.ground.vocabulary import Area, Order
from app.extensions import db, the_settings
from app.models import CustomerReport, FileJob, Station
from app.process.clock import utc_now
from app.queries.device import files as queries
from app.queries.network import station_page
from app.views.device.station_files import SHUT
from app.views.ground import _doing
from app.views.network._station_pages import station_or_404
from app.web.file_store import UPLOADS, Store
from app.web.security import Pages

blueprint = Pages("files", __name__, url_prefix="/stations/<int:station_id>/files")

#: The orders of this page.
ORDERS = (Order.UPDATE_FIRMWARE, Order.FETCH_LOGS, Order.READ_CUSTOMER_INFORMATION)


@blueprint.get("")
def index(station_id: int) -> ResponseReturnValue:
    """The tab: what may be asked, the jobs with their progress, customers for few."""
    station, session = station_or_404(station_id), db.session()
    there = station_page.now_of(session, station, utc_now())
    private = current_user.may(Area.PRIVACY, "read")
    return render_template(
        "device/files/station.html",
        station=station,
        there=there,
        offered={order for order in ORDERS if there.offers(order)},
        unfit=_unfit(station),
        jobs=queries.newest(session, FileJob.station_id == station.id),
        images=queries.images_for(session, station),
        reports=queries.reports_of(session, station) if private else [],
    )


def _unfit(station: Station) -> list[str]:
    """How the station moves files, where that is not how it would reach us; else nothing."""
    base = station.quirks.get("files_url") or the_settings().files_base
    able = queries.transfers(db.session(), station)
    return [] if base.partition(":")[0] in able else sorted(able)


@blueprint.get("/<int:job_id>", right="write")
def uploaded(station_id: int, job_id: int) -> Response:
    """What a station brought, to be saved and never shown: nobody knows what is in it."""
    station = station_or_404(station_id)
    job = db.session.get(FileJob, job_id)
    if job is None or job.station_id != station.id or job.kind not in files.BROUGHT:
        abort(404, "There is no such file.")
    path = Store(the_settings(), UPLOADS).path(job.stored_as or "")
    if path is None:
        abort(404, "There is no such file.")
    answer = send_file(
        path,
        mimetype="application/octet-stream",
        as_attachment=True,
        download_name=job.file_name or f"{station.identity}-{job.id}.log",
        max_age=0,
    )
    answer.headers.update(SHUT)
    return answer


_doing.does(
    *(blueprint, "/customers/<int:report_id>/erase", customer_information.erase),
    _doing.of_station(CustomerReport, "There is no such report."),
    *(N_("Erased."), ".index"),
)
