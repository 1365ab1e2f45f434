"""A form that is sent twice is done once, and the second is answered as the first was.

Each form has a key of its own, made when it is drawn (`csrf_field` of templates/macros/ui.html).
The first unit of work of a request claims it together with what was sent, and commits both or
neither: another form, other contents, or what was refused is done.  The answer is kept as only
the form itself opens it, for it may show a password; with it what it left in the browser's
session, such as its sentences or a sign-in.  A form of several units of work may break off between
two of them: then nobody says that it was done.
"""

import hashlib
import json
import logging
import secrets
from base64 import urlsafe_b64encode
from time import sleep

from cryptography.fernet import Fernet
from flask import Flask, Response, current_app, flash, g, request, session, url_for
from flask.json.tag import TaggedJSONSerializer
from flask.typing import ResponseReturnValue
from flask_babel import gettext
from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session
from werkzeug.datastructures import FileStorage

from app import uow
from app.domain.ground.clock import let_others_run
from app.domain.office import sent_forms
from app.extensions import db
from app.models import SentForm
from app.process.clock import utc_now
from app.web import error_pages, problems, security

log = logging.getLogger(__name__)

FIELD = "once"
#: A larger answer is not kept: whoever sent the form twice is led back to its page.
LARGEST = 1024 * 1024
#: What is kept in place of such an answer, and where a form broke off after it had begun.
_DONE, _BROKE_OFF = "done", "broken"
#: How often, and how long each time (in seconds), it is asked whether the first is answered.
_LOOKS, _LOOK_S = 100, 0.05
#: What tells htmx to go to another page.
_LEADS = ("HX-Redirect", "HX-Location", "HX-Refresh")


class _SentBefore(Exception):
    """The form of this request was sent before, and done."""


def register(app: Flask) -> None:
    """Have the forms of an application done once."""
    app.jinja_env.globals["once"] = lambda: secrets.token_urlsafe(12)
    app.before_request(_begin)
    # Last of all: what is kept has its headers, which name the nonce of its scripts.
    app.after_request_funcs.setdefault(None, []).insert(0, _end)
    app.teardown_request(_leave)
    app.register_error_handler(_SentBefore, lambda _error: _again())


def _leave(_error: BaseException | None) -> None:
    uow.beforehand.set(None)


def _begin() -> ResponseReturnValue | None:
    """Have the first unit of work claim the form; answer one that was done already."""
    if request.method != "POST" or problems.of_a_program() or not request.form.get(FIELD):
        return None
    g.sent_form = _digest()
    if db.session.get(SentForm, _name()) is not None:
        answer = _again()
        return security.kept_out() or answer
    uow.beforehand.set(_claim)
    return None


def _digest() -> bytes:
    """What the form is known by: its key, where it goes, and all that it brings."""
    digest = hashlib.sha256(f"{request.full_path}\n{session.get('csrf_token')}\n".encode())
    for part in sorted(request.form.items(multi=True)):
        if part[0] != "csrf_token":
            digest.update(repr(part).encode())
    for name, file in sorted(request.files.items(multi=True), key=lambda part: part[0]):
        digest.update(repr((name, file.filename, _digest_of(file))).encode())
    return digest.digest()


def _digest_of(file: FileStorage) -> str:
    digest = hashlib.sha256()
    while piece := file.stream.read(1 << 18):
        digest.update(piece)
        let_others_run()  # an image for chargers takes seconds
    file.stream.seek(0)
    return digest.hexdigest()


def _name() -> str:
    """How the form is called in the database."""
    return hashlib.sha256(b"row\n" + g.sent_form).hexdigest()


def _lock() -> Fernet:
    """What only the form itself opens."""
    key = f"{FIELD}\n{current_app.secret_key!s}\n".encode() + g.sent_form
    return Fernet(urlsafe_b64encode(hashlib.sha256(key).digest()))


def _claim(work: Session) -> None:
    if not sent_forms.claim(work, _name(), now=utc_now()):
        raise _SentBefore


def _end(answer: Response) -> Response:
    """Keep the answer of a form that was claimed; one that was refused may be sent again."""
    if "sent_form" not in g or "sent_before" in g or uow.beforehand.get() is not None:
        return answer
    try:
        with uow.unit_of_work(durable=False) as work:
            if 400 <= answer.status_code < 500:
                sent_forms.release(work, _name())
            else:
                sent_forms.keep(work, _name(), _kept(answer))
    except SQLAlchemyError:
        log.warning("the answer to a form could not be kept: %s", request.path)
    return answer


def _kept(answer: Response) -> str:
    """An answer as it is kept, or the word for one that cannot be given again."""
    if answer.status_code >= 500:
        return _BROKE_OFF
    if answer.is_streamed or len(answer.get_data()) > LARGEST:
        return _DONE
    left = TaggedJSONSerializer().dumps(dict(session))
    headers = [pair for pair in answer.headers.items() if pair[0] != "Content-Length"]
    told = [answer.status_code, headers, answer.get_data().decode("latin-1"), left]
    return _lock().encrypt(json.dumps(told).encode()).decode()


def _again() -> Response:
    """Answer as the first was answered, once it is; else lead back to the form's page."""
    g.sent_before = True
    kept = _wait_for_answer()
    said = (
        gettext(
            "This was sent before, and it is not known whether all of it was done. Look what has "
            "changed before you send it again."
        )
        if kept in (None, _BROKE_OFF)
        else gettext("This was sent twice, and done once.")
    )
    told = Response(
        status=303, headers={"Location": error_pages.page_before() or url_for("home.index")}
    )
    if kept and kept not in (_BROKE_OFF, _DONE):
        status, headers, body, left = json.loads(_lock().decrypt(kept.encode()))
        session.clear()
        session.update(TaggedJSONSerializer().loads(left))
        told = Response(body.encode("latin-1"), status)
        told.headers.clear()
        told.headers.extend(headers)
    if request.headers.get("HX-Request") and not any(name in told.headers for name in _LEADS):
        toast = json.dumps({"ampdesk:toast": {"text": said}})
        return Response(status=204, headers={"HX-Trigger": toast})
    if "Location" in told.headers:
        flash(said, "info")
    return told


def _wait_for_answer() -> str | None:
    asked = select(SentForm.answer).where(SentForm.digest == _name())
    for _ in range(_LOOKS):
        found = db.session.scalars(asked).all()
        db.session.rollback()  # the first may wait for a connection: this one holds none
        if found != [None]:
            return found[0] if found else None
        sleep(_LOOK_S)
    return None
