"""Ways into the desk: the one-time link with its mail, the second step, and the sign-in itself."""

from datetime import datetime
from typing import NamedTuple

from flask import render_template, request, session, url_for
from flask_babel import force_locale, gettext
from flask_login import login_user
from sqlalchemy.orm import Session

from app.domain.ground.safe import Safe
from app.domain.ground.vocabulary import Actor, SignInWay
from app.domain.office import outbox, second_factor, sign_ins, staff, ways_in
from app.extensions import db, the_settings
from app.models import User
from app.process.clock import utc_now
from app.uow import unit_of_work
from app.web.security import SignedIn

#: So long after the password the second step may be taken, in seconds.
HALF_WAY_S = 600
_HALF_WAY = "half_way"


def invite(work: Session, actor: Actor, user: User, now: datetime) -> str:
    """Make and mail a link that waits for some days; return it.  Raises as `ways_in.invite`."""
    secret = ways_in.invite(work, actor, user, now=now)
    return mail_link(work, user, secret, now, invited=True)


def mail_link(work: Session, user: User, secret: str, now: datetime, invited: bool = False) -> str:
    """Queue the mail that carries a reset link; return the link."""
    base = the_settings().desk_url
    link = f"{base}{url_for('sign.reset', secret=secret)}"
    with force_locale(user.language):
        body = render_template("email/reset/body.txt", user=user, link=link, invited=invited)
        subject = (
            gettext("Your way into Ampdesk") if invited else gettext("A new password for Ampdesk")
        )
    outbox.queue(work, user.tenant_id, recipient=user.email, subject=subject, body=body, now=now)
    return link


def let_in(user: User, way: SignInWay = SignInWay.PASSWORD, *, remember: bool = False) -> None:
    """Begin a sign-in in this browser for somebody who proved who they are."""
    with unit_of_work() as work:
        begun, secret = sign_ins.come_in(
            work,
            staff.get(work, user.id),
            address=request.remote_addr,
            agent=request.user_agent.string,
            way=way,
            remembered=remember,
            now=utc_now(),
        )
    session.clear()
    session.permanent = True
    login_user(SignedIn(begun, secret), remember=remember, duration=sign_ins.LONGEST)


# Between the password and the second factor.  The cookie is signed and says who it is; it opens
# nothing but the second step, and counts no more after some minutes or under another password.


class HalfWay(NamedTuple):
    """Who has shown the right password, and what they asked for with it."""

    user: User
    remember: bool


def stop_half_way(user: User, *, remember: bool) -> None:
    """Keep in this browser that the password was right."""
    now = utc_now().timestamp()
    session[_HALF_WAY] = [user.id, sign_ins.digest(user.password_hash or ""), remember, now]


def half_way() -> HalfWay | None:
    """Return who is half way in with this browser, if anybody."""
    user_id, password, remember, at = session.get(_HALF_WAY) or (0, "", False, 0.0)
    user = db.session.get(User, user_id)
    if user is None or user.archived_at is not None:
        return None
    late = not 0 <= utc_now().timestamp() - at <= HALF_WAY_S
    if late or password != sign_ins.digest(user.password_hash or ""):
        return None
    return HalfWay(user, bool(remember))


def safe() -> Safe:
    """What opens the secrets of second factors."""
    return Safe(the_settings().signing_key(), second_factor.PURPOSE)
