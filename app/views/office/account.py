"""One's own account: who one is, the password, the second factor, and where one is signed in."""

from datetime import timedelta

import segno
from flask import flash, render_template, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_login import current_user
from markupsafe import Markup

from app.domain.ground.errors import Invalid, NotFound
from app.domain.office import api_tokens, rights, second_factor, sign_ins, staff, ways_in
from app.extensions import db
from app.forms.ground import refusals
from app.forms.office.staff import CodeForm, OwnPasswordForm, ProfileForm
from app.models import SignIn, User
from app.process.clock import utc_now
from app.queries.office import staff as queries
from app.uow import unit_of_work
from app.web import doorkeeper, shown_once, way_in
from app.web.security import Pages, actor, back

blueprint = Pages("account", __name__, url_prefix="/account")

#: What people choose for themselves.
PROFILE = ("name", "language", "timezone", "formats", "theme")


@blueprint.route("", methods=["GET", "POST"], right="read")
def index() -> ResponseReturnValue:
    """Show one's own account and sign-ins; change the password."""
    form, now = OwnPasswordForm(), utc_now()
    if form.validate_on_submit():
        with refusals.on(form):
            if form.current.data == form.password.data:
                raise Invalid("That is the password you have already.", field="password")
            prove_password(form.current.data)
            with unit_of_work() as work:
                user = staff.get(work, current_user.id)
                staff.set_password(work, actor(), user, form.password.data, now=now)
            way_in.let_in(user, current_user.way)
            flash(_("Password changed. Your other devices are signed out."), "success")
            return back("account.index")
    return _page(form), 422 if form.is_submitted() else 200


@blueprint.post("/profile", right="read")
def edit_profile() -> ResponseReturnValue:
    """Change one's own name, language, time zone, formats and colours."""
    form = ProfileForm()
    if form.validate_on_submit():
        with refusals.on(form):
            chosen = {name: form[name].data for name in PROFILE}
            with unit_of_work() as work:
                me = staff.get(work, current_user.id)
                staff.edit(work, actor(), me, now=utc_now(), **chosen)
            flash(_("Saved."), "success")
            return back("account.index")
    return _page(OwnPasswordForm(formdata=None), form), 422


@blueprint.post("/theme", right="read")
def choose_theme() -> ResponseReturnValue:
    """Keep what the switch on top of every page was set to."""
    with unit_of_work() as work:
        staff.choose_theme(staff.get(work, current_user.id), request.form.get("theme", ""))
    return "", 204


@blueprint.post("/tokens/<int:token_id>/revoke", right="read")
def revoke_token(token_id: int) -> ResponseReturnValue:
    """Make one of one's own API tokens useless."""
    with unit_of_work() as work:
        token = api_tokens.get(work, token_id)
        if token.user_id != current_user.id:
            raise NotFound("There is no such token.")
        api_tokens.revoke(work, actor(), token, now=utc_now())
    flash(_("The token “%(name)s” no longer works.", name=token.name), "success")
    return back("account.index")


@blueprint.post("/sign-ins/<int:sign_in_id>/end", right="read")
def end_sign_in(sign_in_id: int) -> ResponseReturnValue:
    """End one of one's own sign-ins: a browser that was lost, or lent."""
    with unit_of_work() as work:
        sign_ins.end(work, actor(), sign_in_id, current_user.id, now=utc_now())
    flash(_("Ended that sign-in."), "success")
    return back("account.index")


@blueprint.post("/sign-ins/end-others", right="read")
def end_others() -> ResponseReturnValue:
    """Sign out everywhere but here."""
    with unit_of_work() as work:
        user = staff.get(work, current_user.id)
        here = current_user.sign_in_id
        sign_ins.sign_out_everywhere(work, actor(), user, but=here, now=utc_now())
    flash(_("You are signed out everywhere else."), "success")
    return back("account.index")


def _page(form: OwnPasswordForm, profile: ProfileForm | None = None) -> str:
    session = db.session()
    user = session.get_one(User, current_user.id)
    if profile is None:
        profile = ProfileForm(formdata=None, obj=user)
        profile.formats.data, profile.theme.data = user.formats or "", user.theme or "system"
    return render_template(
        "office/account/index.html",
        form=form,
        profile=profile,
        user=user,
        tokens=queries.tokens(session, user),
        areas=rights.AREAS,
        sign_ins=sign_ins.of_user(session, user.id, now=utc_now()),
        present=current_user.sign_in_id,
        passkeys=ways_in.passkeys_of(session, user.id),
        codes_left=second_factor.codes_left(session, user),
    )


# Once more: that whoever is signed in is the person and not whoever found the browser open.

#: So long after a sign-in nothing has to be proved again.
RECENT = timedelta(minutes=10)


def prove_password(typed: str) -> None:
    """Let pass who knows the password of whoever is signed in; raises `Invalid`."""
    try:
        with doorkeeper.attempt(current_user.email) as ahead:
            sign_ins.person_with_password(db.session(), current_user.email, typed, ahead=ahead)
    except Invalid:
        raise Invalid("That is not your current password.", field="current") from None


def recent_or(typed: str) -> None:
    """Let pass who came in some minutes ago or knows the password; raises `Invalid`."""
    began = db.session().get_one(SignIn, current_user.sign_in_id).made_at
    if typed:
        prove_password(typed)
    elif utc_now() - began > RECENT:
        raise Invalid("Type your password, or sign out and in again: this shows that it is you.")


# One’s own second factor: an app that makes codes, and the codes for when it is lost.

codes_of_app = Pages("second_factor", __name__, url_prefix="/account/second-factor")


@codes_of_app.get("", endpoint="index")
def factor() -> ResponseReturnValue:
    """What there is of a second factor, and how to get one."""
    return _factor(_me(), CodeForm())


@codes_of_app.post("/begin", right="read")
def begin() -> ResponseReturnValue:
    """Make the secret that the app is to hold."""
    with unit_of_work() as work:
        second_factor.begin(work, staff.get(work, current_user.id), way_in.safe())
    return back("second_factor.index")


@codes_of_app.post("/confirm", right="read")
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
    return _factor(_me(), form), 422


@codes_of_app.post("/change", right="read")
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
    return _factor(_me(), form), 422


@codes_of_app.get("/recovery-codes")
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


def _factor(user: User, form: CodeForm) -> str:
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
