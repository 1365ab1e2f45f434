"""Pages: certificates, those who sign them, and contracts."""

from typing import Any

from flask import Response, abort, flash, render_template
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_login import current_user

from app.domain.charging.reports import FOUND, GRAVE
from app.domain.ground.rows import read
from app.domain.ground.texts import N_
from app.domain.trust import certificates, signing
from app.domain.trust.certificate_names import OWN
from app.domain.trust.certificates import ALARM_DAYS
from app.extensions import db, the_settings
from app.forms.ground import refusals
from app.forms.trust import ROOTS, ChainForm, RevokeForm, RootForm
from app.models import AuthorityCertificate, Station, StationCertificate
from app.process.clock import utc_now
from app.queries import trust as queries
from app.queries.ground.paging import Page, Wish
from app.queries.network import station_page
from app.uow import unit_of_work
from app.views.ground import _doing
from app.web import listing
from app.web.security import Pages, actor, back, needs

blueprint = Pages("certificates", __name__, url_prefix="/certificates")
_row = _doing.by_number(StationCertificate, "There is no such certificate.")


@blueprint.get("")
def index() -> ResponseReturnValue:
    """What runs out, what waits for a signature, the authority, and all certificates."""
    now = utc_now()
    use, state = listing.text("use"), listing.text("state")

    def listed(wish: Wish) -> Page:
        return queries.listed(db.session(), wish, use=use, state=state)

    settings = the_settings()
    return listing.shown(
        *("certificates", _COLUMNS, listed, "trust/certificates/index.html"),
        lambda page: {
            "now_at": now,
            "waiting": queries.waiting(db.session()),
            "roots": queries.authorities(db.session()),
            "running_out": certificates.running_out(db.session(), now=now),
            "signer": settings.certificate_authority,
            "first": settings.first_certificate,
            "uses": dict(ROOTS),
            "alarm_days": ALARM_DAYS,
        },
    )


_COLUMNS: Any = [
    *read("id station=station.identity use state subject issuer serial_number"),
    *read("fingerprint starts_at expires_at"),
]


@blueprint.route("/roots/new", methods=["GET", "POST"], everywhere=True)
def add_root() -> ResponseReturnValue:
    """Keep a root that stations shall be given."""
    form = RootForm()
    if form.validate_on_submit():
        with refusals.on(form):
            with unit_of_work() as work:
                signing.keep(
                    work, actor(), _tenant(), name=form.name.data or "", use=form.use.data,
                    pem=form.pem.data, key_file=None, now=utc_now(),
                )  # fmt: skip
            flash(_("Certificate saved. Install it from a station’s Security tab."))
            return back("certificates.index")
    return render_template("trust/certificates/root.html", form=form), 422 if form.errors else 200


@blueprint.post("/authority", everywhere=True)
def make_authority() -> ResponseReturnValue:
    """Make the root of the built-in authority, unless there is one."""
    settings = the_settings()
    keys = signing.KeyStore(settings.data_dir)
    with unit_of_work() as work:
        signing.own_root(
            work, _tenant(), keys, settings.ocpp_cpo_name, actor=actor(), now=utc_now()
        )
    return back("certificates.index", _anchor="authority")


@blueprint.get("/roots/<int:root_id>.pem")
def root_pem(root_id: int) -> Response:
    """The certificate of a root, as a file."""
    root = db.session.get(AuthorityCertificate, root_id) or abort(404)
    return _file(root.pem, f"root-{root.id}.pem")


_doing.does(
    *(blueprint, "/roots/<int:root_id>/archive", signing.archive),
    _doing.by_number(AuthorityCertificate, "There is no such certificate."),
    then=".index",
    everywhere=True,
    anchor="authority",
    name="archive_root",
)


@blueprint.get("/<int:certificate_id>")
def show(certificate_id: int) -> ResponseReturnValue:
    """One certificate of a station."""
    return _page(_row(certificate_id))


@blueprint.get("/<int:certificate_id>.<any(pem,csr):form>")
def download(certificate_id: int, form: str) -> Response:
    """The certificate, or the request for it, as a file."""
    row = _row(certificate_id)
    text = row.pem if form == "pem" else row.csr
    return _file(text or abort(404), f"{row.station.identity_key}-{row.id}.{form}")


@blueprint.post("/<int:certificate_id>/sign")
def sign(certificate_id: int) -> ResponseReturnValue:
    """Take in what an authority made of a request; the sweep sends it."""
    form = ChainForm()
    if form.validate_on_submit():
        with refusals.on(form):
            with unit_of_work() as work:
                row = _row(certificate_id)
                certificates.issue(work, row, form.pem.data, now=utc_now(), by=actor())
            flash(_("Certificate signed. It is sent to the station within a minute."))
            return back("certificates.show", certificate_id=certificate_id)
    return _page(_row(certificate_id), chain=form)


_doing.does(
    *(blueprint, "/<int:certificate_id>/approve", certificates.approve),
    _row,
    N_("Approved. It is signed and sent to the station within a minute."),
    tells=True,
)
_doing.does(
    *(blueprint, "/<int:certificate_id>/refuse", certificates.refuse),
    _row,
    then=".index",
)


@blueprint.post("/<int:certificate_id>/revoke")
def revoke(certificate_id: int) -> ResponseReturnValue:
    """Let a station's own certificate in no more."""
    form = RevokeForm()
    if form.validate_on_submit():
        with refusals.on(form):
            with unit_of_work() as work:
                row = _row(certificate_id)
                reason = form.reason.data or ""
                certificates.revoke(work, actor(), row, reason=reason, now=utc_now())
            flash(_("Revoked. No station can connect with it any more."))
            return back("certificates.show", certificate_id=certificate_id)
    return _page(_row(certificate_id), reason=form)


def station(station_id: int) -> ResponseReturnValue:
    """The Security tab of a station: its certificates, its password, its security events."""
    row = db.session.get(Station, station_id) or abort(404, "There is no such station.")
    now = utc_now()
    return render_template(
        "trust/certificates/station.html",
        station=row,
        there=station_page.now_of(db.session(), row, now),
        held=queries.of_station(db.session(), row),
        past=queries.PAST,
        own=OWN,
        events=queries.security_events(db.session(), row),
        alarming=GRAVE,
        found=FOUND,
        roots=[root for root in queries.authorities(db.session()) if root.use in dict(ROOTS)],
        uses=dict(ROOTS),
        now_at=now,
    )


@blueprint.record_once
def _beside_the_station(state: Any) -> None:
    """Put the tab under the station's own address."""
    state.app.add_url_rule(
        "/stations/<int:station_id>/security", "certificates.station", needs("read")(station)
    )


def _page(
    row: StationCertificate, chain: ChainForm | None = None, reason: RevokeForm | None = None
) -> ResponseReturnValue:
    failed = bool(chain or reason)
    page = render_template(
        "trust/certificates/show.html",
        row=row,
        own=OWN,
        chain=chain or ChainForm(formdata=None),
        reason=reason or RevokeForm(formdata=None),
        uses=dict(ROOTS),
        signer=the_settings().certificate_authority,
    )
    return page, 422 if failed else 200


def _tenant() -> int:
    return int(current_user.tenant_id)


def _file(text: str, name: str) -> Response:
    return Response(
        text,
        mimetype="application/x-pem-file",
        headers={"Content-Disposition": f'attachment; filename="{_safe(name)}"'},
    )


def _safe(name: str) -> str:
    return "".join(
        char if char.isascii() and (char.isalnum() or char in "-._") else "-" for char in name
    )
