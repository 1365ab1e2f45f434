"""Staff: who may sign in, with what role and reach; their API tokens."""

from collections.abc import Callable, Sequence
from typing import Any

from flask import flash, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_login import current_user

from app.domain.ground.rows import read
from app.domain.ground.texts import N_
from app.domain.ground.vocabulary import Role
from app.domain.office import api_tokens, rights, second_factor, sign_ins, staff, ways_in
from app.extensions import db
from app.forms.ground import refusals
from app.forms.office.staff import StaffForm, TokenForm
from app.models import User
from app.process.clock import utc_now
from app.queries.ground import names
from app.queries.office import staff as queries
from app.uow import unit_of_work
from app.views.ground import _doing, _opened
from app.web import listing, shown_once, way_in
from app.web.security import Pages, actor, back

blueprint = Pages("staff", __name__, url_prefix="/staff")

CSV = [
    *read("name email role=role_name"),
    ("sites", lambda user: ", ".join(site.name for site in user.sites) or "all"),
    *read("timezone language last_sign_in_at archived_at"),
]


@blueprint.get("", everywhere=True)
def index() -> ResponseReturnValue:
    """The list, narrowed, sorted and paged by the URL."""
    wanted = listing.asked(queries.Filter)
    return listing.shown(
        *("staff", CSV, lambda wish: queries.page(db.session(), wanted, wish)),
        "office/staff/index.html",
        lambda page: {"roles": _roles([(role.value, role.title()) for role in rights.BUILT_IN])},
    )


@blueprint.route("/new", methods=["GET", "POST"], everywhere=True)
def create() -> ResponseReturnValue:
    """Add a member of staff; they get a mail with a link to choose a password."""
    form = _form()
    if form.validate_on_submit():
        now = utc_now()
        with refusals.on(form):
            with unit_of_work() as work:
                user = staff.create(
                    work, actor(), tenant_id=current_user.tenant_id, now=now, **_facts(form)
                )
                link = way_in.invite(work, actor(), user, now)
            flash(_("Added %(name)s.", name=user.name), "success")
            return _to_link(user, link)
    return _page(form, None)


@blueprint.get("/<int:user_id>", everywhere=True)
def show(user_id: int) -> ResponseReturnValue:
    """One member of staff: facts, what may be done, API tokens."""
    user = _person(user_id)
    return _show(user, _token_form())


@blueprint.route("/<int:user_id>/edit", methods=["GET", "POST"], everywhere=True)
def edit(user_id: int) -> ResponseReturnValue:
    """Change a member of staff."""
    user = _person(user_id)
    if user.owner_id is not None:
        return back("machines.edit", user_id=user_id)
    opened = _opened.when(user)
    form = _form(user)
    form.opened = opened
    if form.validate_on_submit():
        with refusals.on(form):
            with unit_of_work() as work:
                user = _person(user_id)
                _opened.refuse_changed(work, form, user)
                staff.edit(work, actor(), user, now=utc_now(), **_facts(form))
            flash(_("Saved %(name)s.", name=user.name), "success")
            return back("staff.show", user_id=user_id)
    return _page(form, user)


def _person(user_id: int) -> User:
    return staff.get(db.session(), user_id)


def _hang(rule: str, act: Callable[..., Any], said: str) -> None:
    """Hang a button of a person's page."""
    _doing.does(*(blueprint, f"/<int:user_id>/{rule}", act, _person, said), everywhere=True)


_hang("archive", staff.archive, N_("%(name)s is deactivated and signed out everywhere."))
_hang("restore", staff.restore, N_("%(name)s may sign in again."))
_hang("withdraw", ways_in.withdraw, N_("The invitation of %(name)s is withdrawn."))
_hang(
    "reset-second-factor",
    second_factor.reset,
    N_("%(name)s signs in with the password alone until they set up another."),
)


@blueprint.post("/<int:user_id>/reset-link", everywhere=True)
def reset_link(user_id: int) -> ResponseReturnValue:
    """Make a new password link, mail it and show it."""
    now = utc_now()
    with unit_of_work() as work:
        user = _person(user_id)
        link = way_in.invite(work, actor(), user, now)
    return _to_link(user, link)


def _to_link(user: User, link: str) -> ResponseReturnValue:
    return shown_once.keep(back("staff.link", user_id=user.id), _link_of(user), link)


def _link_of(user: User) -> str:
    """What a shown link belongs to: the password, so that its use ends it."""
    return f"link {user.id} {user.password_hash}"


@blueprint.get("/<int:user_id>/link", right="write", everywhere=True)
def link(user_id: int) -> ResponseReturnValue:
    """The password link that was just made, for ten minutes."""
    user = _person(user_id)
    found = shown_once.kept(_link_of(user))
    if found is None:
        return back("staff.show", user_id=user_id)
    return render_template("office/staff/link.html", user=user, link=found)


@blueprint.post("/<int:user_id>/tokens", everywhere=True)
def issue_token(user_id: int) -> ResponseReturnValue:
    """Make an API token and show it."""
    form = _token_form()
    user = _person(user_id)
    if form.validate_on_submit():
        with refusals.on(form):
            with unit_of_work() as work:
                user = _person(user_id)
                token, secret = api_tokens.issue(
                    *(work, actor(), user),
                    name=form.name.data,
                    days=form.days.data,
                    scope=form.rights or None,
                    site_ids=form.sites.data or (),
                    now=utc_now(),
                )
            shown = back("staff.token", token_id=token.id)
            return shown_once.keep(shown, f"token {token.id}", secret)
    return _show(user, form), 422


@blueprint.get("/tokens", everywhere=True)
def tokens() -> ResponseReturnValue:
    """Everybody's API tokens, the newest first."""
    return render_template(
        "office/staff/tokens.html", tokens=queries.tokens(db.session()), areas=rights.AREAS
    )


@blueprint.get("/tokens/<int:token_id>", right="write", everywhere=True)
def token(token_id: int) -> ResponseReturnValue:
    """The API token that was just made, for ten minutes."""
    found = api_tokens.get(db.session(), token_id)
    secret = None if found.revoked_at else shown_once.kept(f"token {token_id}")
    if secret is None:
        return back("staff.show", user_id=found.user_id)
    return render_template("office/staff/token.html", user=found.user, token=found, secret=secret)


@blueprint.post("/tokens/<int:token_id>/revoke", everywhere=True)
def revoke_token(token_id: int) -> ResponseReturnValue:
    """Make an API token useless."""
    with unit_of_work() as work:
        token = api_tokens.get(work, token_id)
        api_tokens.revoke(work, actor(), token, now=utc_now())
        user_id = token.user_id
    flash(_("The token “%(name)s” no longer works.", name=token.name), "success")
    return back("staff.show", user_id=user_id)


@blueprint.post("/<int:user_id>/sign-ins/<int:sign_in_id>/end", everywhere=True)
def end_sign_in(user_id: int, sign_in_id: int) -> ResponseReturnValue:
    """End one sign-in of a member of staff."""
    with unit_of_work() as work:
        user = _person(user_id)
        sign_ins.end(work, actor(), sign_in_id, user.id, now=utc_now())
    flash(_("Ended that sign-in of %(name)s.", name=user.name), "success")
    return back("staff.show", user_id=user_id)


_doing.does(
    *(blueprint, "/<int:user_id>/sign-ins/end", sign_ins.sign_out_everywhere),
    *(_person, N_("%(name)s is signed out everywhere.")),
    everywhere=True,
    name="end_sign_ins",
)


def _show(user: User, form: TokenForm) -> str:
    return render_template(
        "office/staff/show.html",
        invited=ways_in.is_invited(user),
        invited_until=ways_in.invited_until(db.session(), user, now=utc_now()),
        user=user,
        form=form,
        tokens=queries.tokens(db.session(), user),
        areas=rights.AREAS,
        is_self=user.id == current_user.id,
        sign_ins=sign_ins.of_user(db.session(), user.id, now=utc_now()),
        present=current_user.sign_in_id,
    )


def _token_form() -> TokenForm:
    form = TokenForm()
    form.sites.choices = names.sites(db.session())
    return form


def _form(user: User | None = None) -> StaffForm:
    form = StaffForm(obj=user if request.method == "GET" else None)
    form.role.choices = _roles(form.role.choices)
    form.sites.choices = names.sites(db.session(), user.sites if user else ())
    if request.method == "GET":
        form.sites.data = [site.id for site in user.sites] if user else []
        form.role.data = user.role_name if user else Role.VIEWER.value
    return form


def _roles(built_in: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    """The roles that there are: the built-in ones, then the organisation's own by name."""
    return [*built_in, *((row.name, row.name) for row in rights.roles(db.session()))]


def _facts(form: StaffForm) -> dict[str, Any]:
    return {
        "name": form.name.data,
        "email": form.email.data,
        "role": form.role.data,
        "site_ids": form.sites.data or [],
        "timezone": form.timezone.data,
        "language": form.language.data,
    }


def _page(form: StaffForm, user: User | None) -> ResponseReturnValue:
    status = 422 if form.is_submitted() else 200
    cancel = url_for("staff.show", user_id=user.id) if user else url_for("staff.index")
    return render_template("office/staff/form.html", form=form, user=user, cancel=cancel), status
