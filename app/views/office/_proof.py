"""Once more: that whoever is signed in is the person and not whoever found the browser open."""

from datetime import timedelta

from flask_login import current_user

from app.clock import utc_now
from app.domain.ground.errors import Invalid
from app.domain.office import sign_ins
from app.extensions import db
from app.models import SignIn
from app.web import doorkeeper

#: So long after a sign-in nothing has to be proved again.
RECENT = timedelta(minutes=10)


def password(typed: str) -> None:
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
        password(typed)
    elif utc_now() - began > RECENT:
        raise Invalid("Type your password, or sign out and in again: this shows that it is you.")
