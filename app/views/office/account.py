"""One's own account: who one is, the password, and where one is signed in."""

from datetime import UTC, datetime
from typing import Any

from flask import Blueprint, flash, render_template
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_login import current_user

from app.domain.ground.errors import DomainError, Invalid
from app.domain.office import passkeys, second_factor, sign_ins, staff
from app.extensions import db
from app.forms.ground import refusals
from app.forms.office.sign_in import OwnPasswordForm
from app.models import User
from app.uow import unit_of_work
from app.views.office import _proof
from app.web import way_in
from app.web.security import actor, back, needs

blueprint = Blueprint("account", __name__, url_prefix="/account")


@blueprint.route("", methods=["GET", "POST"])
@needs("read")
def index() -> ResponseReturnValue:
    """Show one's own account and sign-ins; change the password."""
    form, now = OwnPasswordForm(), datetime.now(UTC)
    if form.validate_on_submit():
        try:
            if form.current.data == form.password.data:
                raise Invalid("That is the password you have already.", field="password")
            _proof.password(form.current.data)
            with unit_of_work() as work:
                user = staff.get(work, current_user.id)
                staff.set_password(work, actor(), user, form.password.data, now=now)
            way_in.let_in(user, current_user.way)
            flash(_("Password changed. Your other devices are signed out."), "success")
            return back("account.index")
        except DomainError as error:
            refusals.show(form, error)
    return _page(form), 422 if form.is_submitted() else 200


@blueprint.post("/sign-ins/<int:sign_in_id>/end")
@needs("read")
def end_sign_in(sign_in_id: int) -> ResponseReturnValue:
    """End one of one's own sign-ins: a browser that was lost, or lent."""
    with unit_of_work() as work:
        sign_ins.end(work, actor(), sign_in_id, current_user.id, now=datetime.now(UTC))
    flash(_("Ended that sign-in."), "success")
    return back("account.index")


@blueprint.post("/sign-ins/end-others")
@needs("read")
def end_others() -> ResponseReturnValue:
    """Sign out everywhere but here."""
    with unit_of_work() as work:
        user = staff.get(work, current_user.id)
        here = current_user.sign_in_id
        sign_ins.sign_out_everywhere(work, actor(), user, but=here, now=datetime.now(UTC))
    flash(_("You are signed out everywhere else."), "success")
    return back("account.index")


def _page(form: Any) -> str:
    session = db.session()
    user = session.get_one(User, current_user.id)
    return render_template(
        "office/account/index.html",
        form=form,
        user=user,
        sign_ins=sign_ins.of_user(session, user.id, now=datetime.now(UTC)),
        present=current_user.sign_in_id,
        passkeys=passkeys.of_user(session, user.id),
        codes_left=second_factor.codes_left(session, user),
    )
