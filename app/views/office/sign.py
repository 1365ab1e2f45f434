"""Getting in and out: sign-in and its second step, the first admin's link, forgotten passwords."""

from typing import Any

from flask import Blueprint, abort, flash, redirect, render_template, request, session, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_login import current_user, logout_user

from app.domain.ground.errors import DomainError, Invalid
from app.domain.ground.vocabulary import Actor, Role, SignInWay
from app.domain.office import second_factor, sign_ins, staff, ways_in
from app.extensions import db, limiter, login
from app.forms.ground import refusals
from app.forms.office.staff import (
    CodeForm,
    FirstAdminForm,
    ForgottenForm,
    NewPasswordForm,
    SignInForm,
)
from app.process.clock import utc_now
from app.uow import unit_of_work
from app.web import doorkeeper, provider, way_in
from app.web.security import actor, back, locale, public

blueprint = Blueprint("sign", __name__)

per_address = limiter.limit("60 per 15 minutes", methods=["POST"])
per_request = limiter.limit("10 per 15 minutes", methods=["POST"])


@login.unauthorized_handler
def unauthorized() -> ResponseReturnValue:
    """Send a page to the sign-in; tell a fragment or a stream 401, which reloads the page."""
    accepts = request.accept_mimetypes
    wants_page = not accepts or accepts.accept_html
    if request.headers.get("HX-Request") or not wants_page:
        return "Please sign in.", 401, {"Content-Type": "text/plain; charset=utf-8"}
    wish = request.full_path.rstrip("?") if request.method == "GET" else None
    return redirect(url_for("sign.sign_in", next=wish if wish != "/" else None), code=303)


@blueprint.route("/sign-in", methods=["GET", "POST"], endpoint="sign_in")
@public
def sign_in_page() -> ResponseReturnValue:
    """Show the sign-in form, and let in who knows a password."""
    if current_user.is_authenticated:
        return redirect(wished(), code=303)
    form = SignInForm()
    if form.validate_on_submit():
        with refusals.on(form):
            with doorkeeper.attempt(form.email.data) as ahead:
                user = sign_ins.person_with_password(
                    db.session(), form.email.data, form.password.data, ahead=ahead
                )
            if second_factor.has_one(user):
                way_in.stop_half_way(user, remember=form.remember.data)
                return back("sign.second_step", next=request.args.get("next"))
            way_in.let_in(user, remember=form.remember.data)
            return doorkeeper.know(redirect(wished(), code=303), user)
    empty = not staff.exists(db.session())
    return _page("office/sign/sign_in.html", form=form, empty=empty, provider=provider.settings())


@blueprint.route("/sign-in/code", methods=["GET", "POST"])
@public
def second_step() -> ResponseReturnValue:
    """Let in who knows the password and has a code of the app, or a recovery code."""
    half_way = way_in.half_way()
    if half_way is None:
        return back("sign.sign_in", next=request.args.get("next"))
    user, form = half_way.user, CodeForm()
    if form.validate_on_submit():
        whoever = Actor(user.name, user.id, request.remote_addr)
        with refusals.on(form):
            with doorkeeper.attempt_of_code(user), unit_of_work() as work:
                mine = staff.get(work, user.id)
                second_factor.check(
                    work, whoever, mine, way_in.safe(), form.code.data, now=utc_now()
                )
            way_in.let_in(user, SignInWay.CODE, remember=half_way.remember)
            return doorkeeper.know(redirect(wished(), code=303), user)
    return _page("office/sign/second_step.html", form=form, user=user)


@blueprint.post("/sign-out")
@public
def sign_out() -> ResponseReturnValue:
    """End this browser's sign-in, wherever its cookie was copied to."""
    if current_user.is_authenticated:
        with unit_of_work() as work:
            mine = current_user.sign_in_id, current_user.id
            sign_ins.end(work, actor(), *mine, now=utc_now())
    logout_user()
    session.clear()
    flash(_("You are signed out."), "success")
    return back("sign.sign_in")


@blueprint.route("/setup/<secret>", methods=["GET", "POST"])
@public
@per_address
def setup(secret: str) -> ResponseReturnValue:
    """Create the first admin by the one-time link that the installation printed."""
    form = FirstAdminForm()
    now = utc_now()
    try:
        sign_ins.look_at(db.session(), sign_ins.SETUP, secret, now=now)
    except Invalid as error:
        return render_template("office/sign/used_up.html", sentence=error.sentence, setup=True), 410
    if form.validate_on_submit():
        with refusals.on(form):
            with unit_of_work() as work:
                user = sign_ins.create_first_admin(
                    work,
                    secret,
                    email=form.email.data,
                    name=form.name.data,
                    password=form.password.data,
                    language=locale(),
                    now=now,
                )
            way_in.let_in(user)
            flash(_("Welcome. You are the first admin."), "success")
            return doorkeeper.know(back("home.index"), user)
    return _page("office/sign/setup.html", form=form)


@blueprint.route("/forgotten", methods=["GET", "POST"])
@public
@per_request
def forgotten() -> ResponseReturnValue:
    """Mail a reset link; the answer is the same whether or not the address is known."""
    form = ForgottenForm()
    if not form.validate_on_submit():
        return _page("office/sign/forgotten.html", form=form)
    now = utc_now()
    with unit_of_work() as work:
        user = sign_ins.someone_to_reset(work, form.email.data)
        if user is not None:
            secret = sign_ins.issue_link(work, sign_ins.RESET, user=user, now=now)
            way_in.mail_link(work, user, secret, now)
    return render_template("office/sign/mailed.html", email=form.email.data)


@blueprint.route("/reset/<secret>", methods=["GET", "POST"])
@public
@per_address
def reset(secret: str) -> ResponseReturnValue:
    """Choose a password by a one-time link, as one who is invited or forgot theirs."""
    form = NewPasswordForm()
    now = utc_now()
    try:
        sign_ins.look_at(db.session(), sign_ins.RESET, secret, now=now)
        if form.validate_on_submit():
            with unit_of_work() as work:
                user = sign_ins.reset_password(
                    work, secret, form.password.data, address=request.remote_addr, now=now
                )
            flash(_("The password is saved. Sign in with it."), "success")
            return doorkeeper.know(back("sign.sign_in"), user)
    except Invalid as error:
        if error.field is None:
            return render_template("office/sign/used_up.html", sentence=error.sentence), 410
        refusals.show(form, error)
    return _page("office/sign/reset.html", form=form)


def wished() -> str:
    """Where the person wanted to go before signing in; never to another site."""
    wish = request.args.get("next", "")
    # Browsers drop tabs and line breaks from an address: "/\t/host" would become "//host".
    if wish.startswith("/") and not wish.startswith(("//", "/\\")) and wish.isprintable():
        return wish
    return url_for("home.index")


def _page(template: str, form: Any, **context: Any) -> ResponseReturnValue:
    if request.method not in ("GET", "HEAD", "POST"):
        abort(405)
    status = 422 if form.is_submitted() else 200
    return render_template(template, form=form, **context), status


# The organisation’s own sign-in: out to the provider, and back with what it says.

vouching = Blueprint("provider", __name__, url_prefix="/sign-in/provider")

per_visit = limiter.limit("60 per 15 minutes")


@vouching.errorhandler(DomainError)
def refused(error: DomainError) -> ResponseReturnValue:
    """Say on the sign-in page why it did not work."""
    flash(error.sentence, "error")
    return back("sign.sign_in")


@vouching.get("")
@public
@per_visit
def begin() -> ResponseReturnValue:
    """Send the browser to the provider."""
    settings = provider.settings() or abort(404)
    return redirect(provider.begin(settings, wished()), code=303)


@vouching.get("/return")
@public
@per_visit
def finish() -> ResponseReturnValue:
    """Let in whom the provider vouches for."""
    settings = provider.settings() or abort(404)
    said, wish = provider.finish(settings)
    role = Role(settings.oidc_create) if settings.oidc_create else None
    with unit_of_work() as work:
        user = ways_in.person(work, said, create=role, now=utc_now())
    way_in.let_in(user, SignInWay.PROVIDER)
    return doorkeeper.know(redirect(wish or "/", code=303), user)
