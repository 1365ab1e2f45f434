"""The organisation's own sign-in: out to the provider, and back with what it says."""

from flask import Blueprint, abort, flash, redirect
from flask.typing import ResponseReturnValue

from app.domain.ground.errors import DomainError
from app.domain.ground.vocabulary import Role, SignInWay
from app.domain.office import ways_in
from app.extensions import limiter
from app.process.clock import utc_now
from app.uow import unit_of_work
from app.views.office.sign import wished
from app.web import doorkeeper, way_in
from app.web import provider as flow
from app.web.security import back, public

blueprint = Blueprint("provider", __name__, url_prefix="/sign-in/provider")

per_address = limiter.limit("60 per 15 minutes")


@blueprint.errorhandler(DomainError)
def refused(error: DomainError) -> ResponseReturnValue:
    """Say on the sign-in page why it did not work."""
    flash(error.sentence, "error")
    return back("sign.sign_in")


@blueprint.get("")
@public
@per_address
def begin() -> ResponseReturnValue:
    """Send the browser to the provider."""
    settings = flow.settings() or abort(404)
    return redirect(flow.begin(settings, wished()), code=303)


@blueprint.get("/return")
@public
@per_address
def finish() -> ResponseReturnValue:
    """Let in whom the provider vouches for."""
    settings = flow.settings() or abort(404)
    said, wish = flow.finish(settings)
    role = Role(settings.oidc_create) if settings.oidc_create else None
    with unit_of_work() as work:
        user = ways_in.person(work, said, create=role, now=utc_now())
    way_in.let_in(user, SignInWay.PROVIDER)
    return doorkeeper.know(redirect(wish or "/", code=303), user)
