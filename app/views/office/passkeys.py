"""Passkeys: made and removed on one's account, and used to sign in; the browser talks JSON here."""

from typing import Any

from flask import flash, jsonify, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_login import current_user

from app.domain.ground.errors import DomainError, Invalid
from app.domain.ground.vocabulary import SignInWay
from app.domain.office import staff, ways_in
from app.extensions import db
from app.models import User
from app.process.clock import utc_now
from app.text.sentences import translated
from app.uow import unit_of_work
from app.views.office.account import recent_or
from app.views.office.sign import per_address, wished
from app.web import doorkeeper, way_in
from app.web import passkeys as ceremony
from app.web.security import Pages, actor, back, public

blueprint = Pages("passkeys", __name__)


@blueprint.errorhandler(DomainError)
def refused(error: DomainError) -> ResponseReturnValue:
    """Say to the script why not."""
    return jsonify(sentence=translated(error.sentence)), error.status


@blueprint.post("/account/passkeys/options", right="read")
def options() -> ResponseReturnValue:
    """What the browser is asked for, to make a passkey: for whoever proves who they are."""
    recent_or(str(request.form.get("current", "")))
    user = db.session().get_one(User, current_user.id)
    return jsonify(ceremony.options_to_make(user, ways_in.passkeys_of(db.session(), user.id)))


@blueprint.post("/account/passkeys", right="read")
def create() -> ResponseReturnValue:
    """Keep the passkey that the browser made."""
    body: Any = request.get_json()
    credential, _number = ceremony.credential_in(body)
    seen = ceremony.made(credential)
    with unit_of_work() as work:
        made = ways_in.add_passkey(
            work, actor(), staff.get(work, current_user.id), name=str(body.get("name") or ""),
            now=utc_now(), **seen._asdict(),
        )  # fmt: skip
    flash(_("The passkey “%(name)s” is kept.", name=made.name), "success")
    return jsonify(next=url_for("home.index" if current_user.must_enrol else "account.index"))


@blueprint.post("/account/passkeys/<int:passkey_id>/remove", right="read")
def remove(passkey_id: int) -> ResponseReturnValue:
    """Forget one of one's own passkeys."""
    with unit_of_work() as work:
        user = staff.get(work, current_user.id)
        name = ways_in.remove_passkey(work, actor(), user, passkey_id, now=utc_now())
    flash(_("The passkey “%(name)s” no longer works.", name=name), "success")
    return back("account.index")


@blueprint.post("/sign-in/passkey/options")
@public
@per_address
def options_to_sign_in() -> ResponseReturnValue:
    """What the browser is asked for, to sign in."""
    return jsonify(ceremony.options_to_use())


@blueprint.post("/sign-in/passkey")
@public
@per_address
def sign_in() -> ResponseReturnValue:
    """Let in whoever has a passkey."""
    body: Any = request.get_json()
    credential, number = ceremony.credential_in(body)
    half_way, now = way_in.half_way(), utc_now()
    known = ways_in.by_credential(db.session(), number)
    count = ceremony.used(credential, known)
    if half_way is not None and half_way.user.id != known.user_id:
        raise Invalid("That passkey is somebody else’s.")
    with unit_of_work() as work:
        ways_in.use_passkey(work, ways_in.by_credential(work, number), count, now=now)
    user = known.user
    way_in.let_in(user, SignInWay.PASSKEY, remember=half_way is not None and half_way.remember)
    return doorkeeper.know(jsonify(next=wished()), user)
