"""One's own second factor: an app that makes codes, and the codes for when it is lost."""

import segno
from flask import Blueprint, flash, render_template
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_login import current_user
from markupsafe import Markup

from app.domain.office import second_factor, staff
from app.extensions import db
from app.forms.ground import refusals
from app.forms.office.sign_in import CodeForm
from app.models import User
from app.process.clock import utc_now
from app.uow import unit_of_work
from app.web import doorkeeper, shown_once, way_in
from app.web.security import actor, back, needs

blueprint = Blueprint("second_factor", __name__, url_prefix="/account/second-factor")


@blueprint.get("")
@needs("read")
def index() -> ResponseReturnValue:
    """What there is of a second factor, and how to get one."""
    return _page(_me(), CodeForm())


@blueprint.post("/begin")
@needs("read")
def begin() -> ResponseReturnValue:
    """Make the secret that the app is to hold."""
    with unit_of_work() as work:
        second_factor.begin(work, staff.get(work, current_user.id), way_in.safe())
    return back("second_factor.index")


@blueprint.post("/confirm")
@needs("read")
def confirm() -> ResponseReturnValue:
    """Turn the codes on by the first of them, and show the recovery codes."""
    form, user = CodeForm(), _me()
    if form.validate_on_submit():
        with refusals.on(form):
            with doorkeeper.attempt_of_code(user), unit_of_work() as work:
                codes = second_factor.confirm(
                    work, actor(), staff.get(work, user.id), way_in.safe(), form.code.data,
                    now=utc_now(),
                )  # fmt: skip
            flash(_("Your second factor is on."), "success")
            return _to_codes(codes)
    return _page(_me(), form), 422


@blueprint.post("/change")
@needs("read")
def change() -> ResponseReturnValue:
    """Turn the codes off, or make new recovery codes: for whoever has a code at hand."""
    form, user, now = CodeForm(), _me(), utc_now()
    if form.validate_on_submit():
        with refusals.on(form):
            with doorkeeper.attempt_of_code(user), unit_of_work() as work:
                mine = staff.get(work, user.id)
                second_factor.check(work, actor(), mine, way_in.safe(), form.code.data, now=now)
                if form.what.data == "codes":
                    codes = second_factor.renew_codes(work, actor(), mine, now=now)
                else:
                    second_factor.turn_off(work, actor(), mine, now=now)
            if form.what.data == "codes":
                return _to_codes(codes)
            flash(_("The app’s codes are not asked for any more."), "success")
            return back("account.index")
    return _page(_me(), form), 422


@blueprint.get("/recovery-codes")
@needs("read")
def recovery_codes() -> ResponseReturnValue:
    """The recovery codes that were just made, for ten minutes."""
    found = shown_once.kept(_subject())
    if found is None:
        return back("second_factor.index")
    return render_template("office/account/recovery_codes.html", codes=found.split())


def _to_codes(codes: list[str]) -> ResponseReturnValue:
    return shown_once.keep(back("second_factor.recovery_codes"), _subject(), " ".join(codes))


def _subject() -> str:
    """What the shown codes belong to: the password, so that another one ends it."""
    return f"recovery codes {_me().password_hash}"


def _me() -> User:
    return db.session().get_one(User, current_user.id)


def _page(user: User, form: CodeForm) -> str:
    secret = code = None
    if user.totp_secret and user.totp_since is None:
        secret = second_factor.secret_of(user, way_in.safe())
        drawn = segno.make(second_factor.address(user, secret), error="m", micro=False)
        code = Markup(drawn.svg_inline(scale=5, border=2, light="#fff"))
    return render_template(
        "office/account/second_factor.html",
        user=user,
        form=form,
        secret=secret,
        qr=code,
        codes_left=second_factor.codes_left(db.session(), user),
    )
