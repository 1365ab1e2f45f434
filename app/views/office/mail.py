"""Mails that were written to files instead of being sent: for installations without SMTP."""

import re
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path

from flask import Response, abort, render_template
from flask.typing import ResponseReturnValue
from flask_login import current_user
from sqlalchemy import func, select

from app.extensions import db, the_settings
from app.mails.mail import mail_folder
from app.models import Tenant
from app.web.headers import framed
from app.web.security import Pages

blueprint = Pages("mail", __name__, url_prefix="/mail")

SHOWN = 100
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9.-]{0,160}\.eml")
_HEADERS = ("From", "To", "Subject", "Date", "Message-ID")


@blueprint.get("", right="write")
def index() -> ResponseReturnValue:
    """The newest mails in the folder."""
    names = sorted((path.name for path in _folder().glob("*.eml")), reverse=True)
    named = [name for name in names if _NAME.fullmatch(name)]
    mails = [(name, _headers(_read(name))) for name in named[:SHOWN]]
    sends = bool(the_settings().smtp_url)
    return render_template("money/bills/mails.html", mails=mails, total=len(named), sends=sends)


@blueprint.get("/<name>", right="write")
def show(name: str) -> ResponseReturnValue:
    """One mail: its headers and its text, escaped; its HTML in a frame."""
    mail = _read(name)
    return render_template(
        "money/bills/mail.html", name=name, headers=_headers(mail), text=_part(mail, "plain"),
        html=_part(mail, "html") is not None,
    )  # fmt: skip


@blueprint.get("/<name>/letter", right="write")
def letter(name: str) -> Response:
    """A mail's HTML, for the frame."""
    html = _part(_read(name), "html")
    if html is None:
        abort(404)
    return framed(html)


def _folder() -> Path:
    """The folder; only for admins of the whole installation, as mails carry one-time links."""
    tenants = db.session.scalar(select(func.count(Tenant.id))) or 0
    if tenants > 1 or current_user.site_ids:
        abort(403, "These mails belong to the whole installation.")
    return mail_folder(the_settings())


def _read(name: str) -> EmailMessage:
    folder = _folder()
    if not _NAME.fullmatch(name):
        abort(404)
    try:
        return message_from_bytes((folder / name).read_bytes(), policy=policy.default)
    except OSError:
        abort(404, "There is no such mail.")


def _headers(mail: EmailMessage) -> list[tuple[str, str]]:
    return [(header, str(mail[header] or "")) for header in _HEADERS]


def _part(mail: EmailMessage, kind: str) -> str | None:
    part = mail.get_body(preferencelist=(kind,))
    return None if part is None else str(part.get_content())
