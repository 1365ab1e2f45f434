"""Settings and About: what is set and from where, what is installed, and how its parts fare."""

from datetime import UTC, datetime

from flask import Response, abort, flash, g, jsonify, render_template, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_login import current_user
from prometheus_client.exposition import CONTENT_TYPE_LATEST

from app.domain.ground.rows import newest
from app.domain.office import housekeeping, outbox, retention, retention_rules
from app.extensions import db, limiter, the_settings
from app.models import OutgoingMail
from app.process.clock import utc_now
from app.queries.office import attention
from app.uow import unit_of_work
from app.web import about, figures, system
from app.web.security import Pages, actor, back, needs, public

settings = Pages("settings", __name__, url_prefix="/settings")
installation = Pages("about", __name__, url_prefix="/about")


@settings.get("", right="write", everywhere=True)
def index() -> ResponseReturnValue:
    """Every setting of the installation, as this process read it when it started."""
    return render_template("office/about/settings.html", settings=about.settings_in_use())


@settings.get("/retention", right="write", everywhere=True)
def kept() -> ResponseReturnValue:
    """What is kept how long and why, and what housekeeping removed last."""
    return render_template(
        "office/about/retention.html",
        rules=retention_rules.RULES,
        settings=the_settings(),
        removed=retention.removed_last(db.session()),
    )


@installation.get("", endpoint="index")
def show() -> ResponseReturnValue:
    """Version, addresses, parts, tables and libraries, and a text for a bug report."""
    facts = about.about(db.session(), now=g.now)
    return render_template(
        "office/about/index.html",
        facts=facts,
        report=about.report(facts),
        migrations=about.migrations(),
        libraries=about.libraries(),
        last_mail=_last_mail() if current_user.may("organisation", "write", True) else None,
        to_files=not the_settings().smtp_url,
        paused_until=outbox.paused_until(db.session(), now=g.now),
    )


@installation.post("/try-mail-again", everywhere=True)
def try_mail_again() -> ResponseReturnValue:
    """End the pause of all mail."""
    with unit_of_work() as work:
        outbox.try_again(work, current_user.tenant_id)
    flash(_("Mails are tried again now."), "success")
    return back("about.index", _anchor="test-mail")


@installation.post("/test-mail")
@needs("write", everywhere=True)
@limiter.limit("5/minute")
def test_mail() -> ResponseReturnValue:
    """Send a mail to whoever asks, the way that all mails go."""
    with unit_of_work() as work:
        outbox.queue(
            *(work, current_user.tenant_id),
            recipient=current_user.email,
            subject=TEST,
            body=_("This mail was asked for on the page About. If you read it, mails arrive."),
            now=utc_now(),
        )
    flash(_("Queued. Whether it was sent stands under Test mail in a moment."), "success")
    return back("about.index", _anchor="test-mail")


#: By its subject the last test is found again.
TEST = "Ampdesk: test mail"


def _last_mail() -> OutgoingMail | None:
    """The newest test mail to this person."""
    return newest(db.session(), OutgoingMail, recipient=current_user.email, subject=TEST)


# The frame’s own pieces, findings that are put away, and what asks whether the desk is well.

pieces = Pages("system", __name__)


@pieces.get("/system/bar")
def bar() -> ResponseReturnValue:
    """The pieces of the frame: whether a worker answers, and how many stations are connected."""
    return render_template("layouts/_system.html")


@pieces.post("/attention/seen")
def seen() -> ResponseReturnValue:
    """Put away something that has no end of its own; whatever happens after it is news."""
    kind, subject = request.form.get("kind", ""), request.form.get("subject", "")
    with unit_of_work() as work:
        found = attention.visible(work, current_user.tenant_id, kind, subject)
        if not found:
            abort(404)
        housekeeping.see(
            *(work, actor(), current_user.tenant_id),
            kind=kind, subject=subject, up_to=_instant(request.form.get("up_to", "")), now=g.now,
        )  # fmt: skip
    if request.headers.get("HX-Request"):
        return ""
    return back("home.index")


def _instant(text: str) -> datetime:
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        abort(400)
    return at.astimezone(UTC) if at.tzinfo else at.replace(tzinfo=UTC)


@pieces.get("/healthz")
@public
def health() -> ResponseReturnValue:
    """The desk is alive, whatever its parts are: for who would start it again."""
    return jsonify(status=system.OK)


@pieces.get("/readyz")
@public
def ready() -> ResponseReturnValue:
    """How each part fares, for a load balancer: 503 when pages cannot be served."""
    served, found = system.ready()
    parts = {part.name: {"state": part.state, "sentence": part.sentence} for part in found}
    return jsonify(status=system.worst(found), parts=parts), 200 if served else 503


@pieces.get("/metrics")
@public
def metrics() -> ResponseReturnValue:
    """Figures for Prometheus, for who shows the token of the settings."""
    return Response(figures.page(), content_type=CONTENT_TYPE_LATEST)
