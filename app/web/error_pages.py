"""What went wrong, as a page: whatever the desk cannot or may not do is said on one of these."""

import logging
from typing import Any, NamedTuple

from flask import Flask, Response, flash, g, redirect, render_template, request, url_for
from flask_limiter.errors import RateLimitExceeded
from flask_login import current_user
from flask_wtf.csrf import CSRFError
from sqlalchemy.exc import DataError, IntegrityError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from werkzeug.exceptions import HTTPException, default_exceptions

from app import uow
from app.domain.ground.errors import Conflict, DomainError, Taken
from app.domain.ground.texts import N_
from app.extensions import db, is_away, is_busy, login, takes_no_writes
from app.web import problems
from app.web.scope import OutOfReach

log = logging.getLogger(__name__)


class Said(NamedTuple):
    """A page: what stands over it, what is drawn there, and the sentence, if nobody has a better.

    `again` tells whether the same may work in a moment.
    """

    headline: str
    shape: str
    sentence: str
    again: bool = False


ELSEWHERE = N_("Or it is at a site that you cannot see: it may have been moved there.")
CHARGERS = N_("Chargers are served meanwhile: what they send is kept, and stored then.")
PAGES = {
    400: Said(
        N_("The request could not be understood"),
        "alert-circle",
        N_("Something was missing or malformed. Nothing was changed."),
    ),
    403: Said(
        N_("You are not allowed to do that"),
        "lock",
        N_("Your role does not allow it. If it should, ask an admin of your organisation."),
    ),
    404: Said(
        N_("Page not found"),
        "zoom-question",
        N_("Check the address. What was here may belong to a site that you cannot see."),
    ),
    405: Said(
        N_("This address opens no page"),
        "zoom-question",
        N_("It belongs to a button of another page. Nothing was changed."),
    ),
    409: Said(
        N_("This cannot be done now"),
        "replace",
        N_("It was changed while you had it open. Reload the page and try again."),
    ),
    413: Said(
        N_("This is too large"),
        "file-alert",
        N_("The desk does not take that much at once. Choose a smaller file, or divide it."),
    ),
    429: Said(
        N_("Too many attempts"), "clock-pause", N_("Wait some minutes, then try again."), again=True
    ),
    500: Said(
        N_("Something went wrong on our side"),
        "alert-triangle",
        N_("The desk ran into an error and has logged it. Nothing was half saved."),
        again=True,
    ),
}
AWAY = Said(
    N_("The database does not answer"),
    "cloud-off",
    N_("Nothing can be shown or changed until it answers again."),
    again=True,
)
NO_WRITES = Said(
    N_("The database takes no writes"),
    "lock",
    N_("What is stored can be looked at, but nothing can be changed now."),
    again=True,
)
BUSY = Said(
    N_("The database is busy"),
    "clock-pause",
    N_("Too many wait for it at once. Nothing was changed."),
    again=True,
)
NOT_READY = Said(
    N_("The database is not ready"),
    "clock",
    N_("It does not have what this page needs: it may be in the middle of an upgrade."),
    again=True,
)
TOO_LONG = Said(
    N_("This takes too long"),
    "clock",
    N_(
        "The list is too long to be searched or sorted as you asked."
        " Choose a period, a station or a site, or sort it by time."
    ),
)
#: Its form was opened before somebody signed in or out here, or too long ago.
OUTDATED = Said(
    N_("This page was open for too long"),
    "clock",
    N_("Nothing was changed. Go back, reload the page, and send it again."),
)


def register(app: Flask) -> None:
    """Have the application answer with these pages, or with problems of the API."""
    app.register_error_handler(HTTPException, _of_http)
    app.register_error_handler(CSRFError, _outdated)
    app.register_error_handler(DomainError, _refused)
    app.register_error_handler(500, _of_http)
    app.register_error_handler(OperationalError, _database_away)
    app.register_error_handler(PoolTimeout, _database_away)
    app.register_error_handler(DataError, _out_of_range)
    app.register_error_handler(IntegrityError, _collided)
    app.register_error_handler(problems.Problem, problems.of)


def _page(status: int, said: Said, sentence: str = "", more: str = "") -> Any:
    """Fill a page; who sent something is led to where it was sent from, not to send it again.

    It shows who reads it: where the database cannot say that, this is what is told.
    """
    try:
        current_user.get_id()
    except (OperationalError, PoolTimeout) as error:
        return _database_away(error)
    sent = request.method not in ("GET", "HEAD")
    known = {
        "sentence": sentence or said.sentence,
        "more": more,
        "again": said.again and not sent,
        # Who opens a receipt has no account here.
        "home": request.blueprint != "driver_receipts",
        "before": page_before() if sent else "",
    }
    return render_template("error.html", said=said, **known), status


def _of_http(error: Any) -> Any:
    if problems.wanted():
        return problems.of(error)
    code = getattr(error, "code", None) or 500
    if code < 400:
        return error
    # What werkzeug and flask-limiter say by themselves is for programs.
    own = "" if isinstance(error, RateLimitExceeded) else vars(error).get("description") or ""
    said = PAGES.get(code) or PAGES[500 if code >= 500 else 400]
    return _page(code, said, str(own), ELSEWHERE if isinstance(error, OutOfReach) else "")


def _outdated(error: CSRFError) -> Any:
    """Say that a form cannot be trusted any more: its secret is of another visit."""
    return problems.of(error) if problems.wanted() else _page(400, OUTDATED)


def _database_away(error: OperationalError | PoolTimeout) -> Any:
    """Say that the database cannot be used; nothing on the page may ask it who is there."""
    if isinstance(error, OperationalError) and uow.took_too_long(error):
        return _too_long()
    log.error("the database cannot be used: %s", getattr(error, "orig", error))
    if problems.wanted():
        return problems.database_away(takes_no_writes(error))
    g._login_user = login.anonymous_user()
    if takes_no_writes(error):
        said = NO_WRITES
    elif is_busy(error):
        said = BUSY
    else:
        said = AWAY if is_away(error) else NOT_READY
    more = "" if said is NOT_READY else CHARGERS
    return *_page(503, said, more=more), {"Retry-After": "5"}


def _too_long() -> Any:
    """Say that what was asked for takes too long, and how to ask for less."""
    db.session.rollback()
    log.warning("reading took too long: %s", request.path)
    if problems.wanted():
        return problems.answer(503, "too_long", "This takes too long: narrow it, or ask for less.")
    return _page(503, TOO_LONG)


def _out_of_range(error: DataError) -> Any:
    """Say that a value is beyond what the database can hold; nothing was changed."""
    log.info("a value is refused by the database: %s", error.orig)
    db.session.rollback()
    return _of_http(default_exceptions[400]("A value is beyond all bounds."))


def _collided(error: IntegrityError) -> Any:
    """Say what somebody else did in the same moment, by the rule of the database that this broke.

    A rule that nobody else can have broken is a fault of ours.
    """
    rule = getattr(error.orig, "sqlite_errorname", getattr(error.orig, "sqlstate", ""))
    if rule in ("SQLITE_CONSTRAINT_UNIQUE", "SQLITE_CONSTRAINT_PRIMARYKEY", "23505"):
        return _refused(Taken("Somebody made the same in this moment."))
    if rule in ("SQLITE_CONSTRAINT_FOREIGNKEY", "23503"):
        return _refused(Conflict("What it refers to was just removed, or is still referred to."))
    raise error


def _refused(error: DomainError) -> Any:
    """Show a refused operation: beside the form for htmx, as a message on the page before."""
    if problems.wanted():
        return problems.of(error)
    if request.method == "GET" or error.status in {403, 404}:
        code = error.status if error.status in {403, 404, 409} else 400
        return _of_http(default_exceptions[code](error.sentence))
    flash(error.sentence, "error")
    target = page_before() or url_for("home.index")
    if request.headers.get("HX-Request"):
        response = Response(status=204)
        response.headers["HX-Redirect"] = target
        return response
    return redirect(target, code=303)


def page_before() -> str:
    """The page of ours that a form was sent from, if it is known."""
    before = request.referrer or ""
    return before if before.startswith(request.host_url) else ""
