"""Stations from a file, and the passwords of those that it registered.

A password that an import makes is nobody's: it is replaced when somebody asks for
the passwords of that import, as a file.  The page itself shows no secret, and opened
anew it only makes new ones; its form sent twice brings the same file (`app.web.once`).
"""

from datetime import UTC, datetime
from typing import Any

from flask import Response, flash, render_template, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_login import current_user
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.domain.access.imports import headings
from app.domain.access.imports import stations as station_import
from app.domain.access.imports.plans import LONG, Options, Plan
from app.domain.access.imports.sheet import Table
from app.domain.ground.vocabulary import JobKind
from app.domain.network import credentials, stations
from app.extensions import db
from app.models import Station
from app.process.clock import utc_now
from app.queries.ground import names
from app.uow import unit_of_work
from app.views.ground import _imports
from app.web import listing
from app.web.security import Pages, actor, back

blueprint = Pages("station_import", __name__, url_prefix="/stations/import")


@blueprint.route("/passwords", methods=["GET", "POST"])
def passwords() -> ResponseReturnValue:
    """The stations of one import that wait for their password; asked for, they are a file."""
    at = _instant(request.args.get("at", ""))
    if request.method == "GET":
        waiting = _waiting(db.session(), at)
        return render_template("ground/imports/passwords.html", waiting=waiting)
    with unit_of_work() as work:
        made = [
            (station.identity, stations.new_password(work, actor(), station, now=utc_now()))
            for station in _waiting(work, at)
        ]
    if not made:
        flash(_("No station of this import waits for a password any more."), "warning")
        return back("stations.index")
    body = "".join(listing.csv_of(("identity", "password"), made))
    return Response(body, mimetype="text/csv", headers={
        "Content-Disposition": listing.attachment(
            listing.safe_name("passwords", f"{at:%Y-%m-%d}") + ".csv"
        ),
        "Cache-Control": "no-store",
    })  # fmt: skip


def _waiting(session: Session, at: datetime | None) -> list[Station]:
    """Stations registered at that instant, never seen, whose password was made and told nobody."""
    query = select(Station).where(
        Station.tenant_id == current_user.tenant_id,
        Station.created_at == at,
        Station.archived_at.is_(None),
        Station.last_seen_at.is_(None),
        Station.password_hash.is_not(None),
    )
    found = session.scalars(query.order_by(Station.identity_key)) if at else ()
    return [one for one in found if not credentials.is_slow(one.password_hash or "")]


def _instant(text: str) -> datetime | None:
    try:
        return datetime.fromisoformat(text).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _plan(work: Session, table: Table, options: Options) -> Plan[Any]:
    """Try the rows, or only the first of a long file: a job tries the others."""
    planned, rows = station_import.listed(table, now=utc_now())
    tried = rows if len(rows) <= LONG else rows[: _imports.PREVIEWED]
    planned.untried = len(rows) - len(tried)
    given: Any = {"tenant_id": current_user.tenant_id, "options": options}
    station_import.try_out(work, actor(), planned, tried, **given)
    return planned


def _write(table: Table, options: Options) -> Plan[Any]:
    planned, rows = station_import.listed(table, now=utc_now())
    hashes = station_import.hashes(rows)
    given: Any = {"tenant_id": current_user.tenant_id, "options": options}
    with unit_of_work() as work:
        station_import.carry_out(work, actor(), planned, rows, hashes, **given)
    return planned


def _done(planned: Plan[Any]) -> ResponseReturnValue:
    if not any(row.clear for row in planned.rows):
        return back("stations.index")
    at = planned.at.isoformat() if planned.at else ""
    return back("station_import.passwords", at=at)


STATIONS = _imports.Noun(
    name="station",
    endpoint="station_import.index",
    home="stations",
    columns=[
        ("identity", "CP-07"),
        ("site", "Depot"),
        ("name", "By the gate"),
        ("connectors", "2"),
        ("plug_type", "Type 2, CCS"),
        ("max_power_w", "22000 (or max_power_kw: 22)"),
        ("security_profile", "1"),
        ("mode", "listed, open, closed"),
        ("tariff", "Kerb day/night"),
        ("password", "empty: one is made"),
        ("note", "Behind the hedge"),
    ],
    known=headings.STATIONS,
    look=_plan,
    write=_write,
    done=_done,
    tries=True,
    job=JobKind.IMPORT_STATIONS,
    may_wait=station_import.refuse_passwords,
    sites=lambda: [name for _number, name in names.sites(db.session())],
)
_imports.hang(blueprint, "", STATIONS)
