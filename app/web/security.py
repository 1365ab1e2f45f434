"""Who is signed in, what they may do, and the headers that protect them."""

import functools
import logging
import secrets
from collections.abc import Callable, Hashable
from typing import Any

from flask import (
    Blueprint,
    Flask,
    Response,
    abort,
    current_app,
    g,
    redirect,
    request,
    url_for,
)
from flask.typing import ResponseReturnValue
from flask_babel import gettext, lazy_gettext
from flask_login import current_user
from werkzeug.routing import IntegerConverter, Map

from app import uow
from app.domain.access import reach
from app.domain.access.drivers import LANGUAGES
from app.domain.ground.vocabulary import Actor, Area, Right
from app.domain.office import rights, second_factor, sign_ins
from app.extensions import db, login
from app.models import SignIn
from app.process.clock import utc_now
from app.text.sentences import translated
from app.uow import unit_of_work
from app.web import areas, headers, problems, scope

log = logging.getLogger(__name__)

#: How long the reads of a page and those of a file may take, in seconds.
PAGE_PATIENCE_S, FILE_PATIENCE_S = 20.0, 300.0
#: All that somebody can use who has to set up a second factor first.
ENROLMENT = frozenset({"second_factor", "passkeys"})


class RowNumber(IntegerConverter):
    """A number in an address: ASCII digits, and no more than a column of the database holds."""

    regex = r"[0-9]{1,19}"

    def __init__(self, url_map: Map, *arguments: Any, **named: Any) -> None:
        super().__init__(url_map, *arguments, **{"max": 2**63 - 1, **named})


class SignedIn:
    """The signed-in member of staff, as flask-login wants it; `secret` is what the cookie holds."""

    is_authenticated = True
    is_anonymous = False

    def __init__(self, sign_in: SignIn, secret: str) -> None:
        user = sign_in.user
        self.sign_in_id, self.way = sign_in.id, sign_in.way
        self.must_enrol = second_factor.is_missing(sign_in)
        self.seen_at = sign_in.seen_at
        self._secret = secret
        self.id = user.id
        self.tenant_id = user.tenant_id
        self.name = user.name
        self.email = user.email
        self.role_name = user.role_name
        self.rights = rights.of(user)
        self.timezone = user.timezone
        self.language = user.language
        self.formats, self.theme = user.formats, user.theme
        self.site_ids = frozenset(site.id for site in user.sites)
        self.is_active = user.archived_at is None

    def get_id(self) -> str:
        """What the cookie holds."""
        return self._secret

    def may(self, area: Area | None, right: str, everywhere: bool = False) -> bool:
        """Tell whether this person has a right (and their reach every site)."""
        may = rights.may(self.rights, area, Right(right)) and not self.must_enrol
        return may and not (everywhere and self.site_ids)

    @property
    def opens(self) -> Hashable:
        """All that `may` hangs on."""
        return frozenset(self.rights.items()), self.must_enrol, bool(self.site_ids)

    def can(self, right: str, everywhere: bool = False) -> bool:
        """Tell whether this person has a right in the area of the page that is shown."""
        return self.may(areas.of(request.endpoint), right, everywhere)

    def may_open(self, endpoint: str) -> bool:
        """Tell whether this person may go to an address."""
        view: Any = current_app.view_functions.get(endpoint)
        right = getattr(view, "needs_right", None)
        if view is None or right is None:
            return view is not None
        return self.may(areas.of(endpoint), right, view.needs_everywhere)

    @property
    def scope(self) -> scope.Scope:
        """What this person may see."""
        return scope.Scope(self.tenant_id, self.site_ids or None)

    @property
    def initials(self) -> str:
        """Two letters for the corner of the page."""
        return "".join(part[0] for part in self.name.split()[:2]).upper() or "?"


@login.user_loader
def load_user(text: str) -> SignedIn | None:
    """Load whose sign-in the cookie holds; narrow the request's database session to their reach."""
    scope.narrow(db.session(), None)
    found = sign_ins.find(db.session(), text, now=utc_now())
    if found is None:
        return None
    person = SignedIn(found, text)
    scope.narrow(db.session(), person.scope)
    return person


def actor() -> Actor:
    """Who does what this request asks for."""
    who = current_user
    return Actor(who.name, who.id, request.remote_addr, rights=who.rights)


def needs(
    right: str, *, everywhere: bool = False
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Guard a view: signed in, and with this right ("read" or "write") in the address's area.

    `everywhere` keeps out staff that are limited to some sites, because what the
    view shows or changes concerns all of them (prices, the audit, new sites).
    Someone who is not signed in is sent to the sign-in page (401 for htmx);
    without the right the answer is 403.  `app/web/areas.py` has the areas.
    """

    wanted = Right(right)

    def guard(view: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(view)
        def guarded(*arguments: Any, **named: Any) -> Any:
            return _kept_out(wanted, everywhere) or view(*arguments, **named)

        guarded.needs_right = wanted  # type: ignore[attr-defined]
        guarded.needs_everywhere = everywhere  # type: ignore[attr-defined]
        return guarded

    return guard


class Pages(Blueprint):
    """The pages of a noun: each is guarded by `needs`, but for what is `public`.

    To look needs the right to read, and to send something that to write, unless an address says
    another `right`.
    """

    def route(
        self, rule: str, *, right: str = "", everywhere: bool = False, **options: Any
    ) -> Callable[[Any], Any]:
        """Hang a view, whose address may be kept from staff of some sites as by `needs`."""
        usual = "write" if set(options.get("methods", ())) - {"GET"} else "read"
        guard, hang = needs(right or usual, everywhere=everywhere), super().route(rule, **options)
        return lambda view: hang(view if hasattr(view, "needs_right") else guard(view))


def kept_out() -> Any:
    """What whoever is signed in by now is told instead of what they asked for, if anything."""
    g.pop("_login_user", None)
    view: Any = current_app.view_functions.get(request.endpoint or "")
    right = getattr(view, "needs_right", None)
    return None if right is None else _kept_out(right, view.needs_everywhere)


def _kept_out(right: Right, everywhere: bool) -> Any:
    if not current_user.is_authenticated:
        return login.unauthorized()
    _seen()
    if current_user.must_enrol:
        return None if request.blueprint in ENROLMENT else _enrol()
    area = areas.of(request.endpoint)
    if not current_user.may(area, right):
        return _turned_away(area, right)
    if not current_user.may(area, right, everywhere):
        abort(403, "This concerns all sites; your account is limited to some of them.")
    return None


def _enrol() -> ResponseReturnValue:
    """Lead somebody who lacks a second factor to where it is set up."""
    if request.headers.get("HX-Request"):
        return Response(status=204, headers={"HX-Redirect": url_for("second_factor.index")})
    return back("second_factor.index")


def _turned_away(area: Area | None, right: Right) -> ResponseReturnValue:
    """Say which right is missing; who may not see Home goes to the first page that they may."""
    if request.endpoint == areas.FRONT:
        known = current_app.view_functions
        pages = (f"{noun}.index" for noun in areas.PAGES if f"{noun}.index" in known)
        return back(next(filter(current_user.may_open, pages), "account.index"))
    said = gettext(rights.AREAS[area][0]) if area else ""
    named = {"role": translated(current_user.role_name), "area": said}
    if right is Right.READ:
        abort(403, gettext("Your role “%(role)s” may not see this: %(area)s.", **named))
    abort(403, gettext("Your role “%(role)s” may not change this: %(area)s.", **named))


def _seen() -> None:
    """Note that the sign-in is in use, once a minute at most."""
    now = utc_now()
    if now - current_user.seen_at >= sign_ins.TOUCH_EVERY:
        with unit_of_work(aside=True) as work:
            sign_ins.touch(work, current_user.sign_in_id, now=now)
        current_user.seen_at = now


def public(view: Callable[..., Any]) -> Callable[..., Any]:
    """Mark a view that needs nobody signed in; every route is marked one way or the other."""
    view.needs_right = None  # type: ignore[attr-defined]
    return view


def locale() -> str:
    """The language of a page: the person's, else what the browser asks for; programs: English."""
    if not request or problems.wanted():
        return "en"
    if current_user and current_user.is_authenticated:
        return str(current_user.language)
    return request.accept_languages.best_match([*LANGUAGES]) or "en"


def csp_nonce() -> str:
    """The nonce of this response's scripts and styles."""
    if "csp_nonce" not in g:
        g.csp_nonce = secrets.token_urlsafe(16)
    return str(g.csp_nonce)


def back(endpoint: str, **values: Any) -> Response:
    """Send the browser on after a POST with 303, so that reloading repeats nothing."""
    return redirect(url_for(endpoint, **values), code=303)  # type: ignore[return-value]


def register(app: Flask) -> None:
    """Bind headers, error pages and template helpers to the application."""
    login.login_view = "sign.sign_in"
    login.login_message = lazy_gettext("Please sign in.")
    if app.config["SETTINGS"].trusted_proxies:
        app.wsgi_app = headers.TrustedProxyFix(app.wsgi_app, app.config["SETTINGS"].trusted_proxies)  # type: ignore[method-assign]
    app.jinja_env.globals["csp_nonce"] = csp_nonce
    app.jinja_env.globals["may_open"] = lambda endpoint: current_user.may_open(endpoint)
    app.jinja_env.globals["may_change"] = lambda row: reach.may_change(db.session(), row)
    app.before_request(_refuse_nul)
    # First of all: whoever asks the database who is there begins to read.
    app.before_request_funcs.setdefault(None, []).insert(0, _be_patient)
    app.teardown_request(_hurry_no_more)
    app.after_request(_headers)


def _refuse_nul() -> None:
    """Refuse a request with the character NUL in a text: no database of ours can keep it.

    The API says so of each field, a list finds nothing by it, and what stations bring is no text.
    """
    texts = [request.path]
    if not problems.of_a_program():
        texts += [text for pair in request.form.items(multi=True) for text in pair]
    if any("\x00" in text for text in texts):
        abort(400, "A text holds the character NUL.")


def _be_patient() -> None:
    """What only reads ends before anybody leaves: one page must not hold up the others."""
    if request.method in ("GET", "HEAD"):
        uow.patience_s.set(FILE_PATIENCE_S if request.args.get("format") else PAGE_PATIENCE_S)


def _hurry_no_more(_error: BaseException | None) -> None:
    uow.patience_s.set(None)


def _headers(response: Response) -> Response:
    given = {"secure": request.is_secure, "images": g.get("images_from", "")}
    for name, value in headers.protection(csp_nonce(), **given).items():
        response.headers.setdefault(name, value)
    response.headers.setdefault("Cache-Control", "no-store")
    return response
