"""Ways into the desk: the one-time link with which somebody chooses a password, and its mail."""

from datetime import datetime

from flask import current_app, render_template, url_for
from sqlalchemy.orm import Session

from app.domain.ground.errors import Conflict
from app.domain.office import outbox, sign_ins
from app.models import User


def invite(work: Session, user: User, now: datetime) -> str:
    """Make and mail a link that waits for some days; return it.  Raises `Conflict`."""
    if user.archived_at is not None:
        raise Conflict(f"{user.name} is deactivated.")
    secret = sign_ins.issue_link(
        work, sign_ins.RESET, user=user, now=now, lifetime=sign_ins.INVITATION
    )
    return mail_link(work, user, secret, now, invited=True)


def mail_link(work: Session, user: User, secret: str, now: datetime, invited: bool = False) -> str:
    """Queue the mail that carries a reset link; return the link."""
    base = current_app.config["SETTINGS"].desk_url
    link = f"{base}{url_for('sign.reset', secret=secret)}"
    body = render_template("email/reset/body.txt", user=user, link=link, invited=invited)
    subject = "Your way into Ampdesk" if invited else "A new password for Ampdesk"
    outbox.queue(work, user.tenant_id, recipient=user.email, subject=subject, body=body, now=now)
    return link
