"""The organisation: who sells, as receipts name it, and by which rules bills are made."""

from flask import flash, render_template
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_login import current_user
from sqlalchemy import select

from app.domain.money import receipts
from app.domain.network import tenants
from app.extensions import db
from app.forms.ground import refusals
from app.forms.office.organisation import OrganisationForm
from app.models import Site, Tenant
from app.process.clock import utc_now
from app.queries.ground.names import by_name
from app.uow import unit_of_work
from app.views.ground import _opened
from app.web.security import Pages, actor, back

blueprint = Pages("organisation", __name__, url_prefix="/organisation")

FIELDS = (*receipts.SELLER, *tenants.RULES, "idle_from_readings", "second_factor")


@blueprint.route("", methods=["GET", "POST"], everywhere=True)
def index() -> ResponseReturnValue:
    """Show and change seller and rules."""
    opened = _opened.when(_tenant())
    form = OrganisationForm(obj=_tenant())
    form.opened = opened
    if form.validate_on_submit():
        given = {name: form[name].data for name in FIELDS}
        with refusals.on(form):
            with unit_of_work() as work:
                tenant = work.get_one(Tenant, current_user.tenant_id)
                _opened.refuse_changed(work, form, tenant)
                tenants.edit(work, actor(), tenant, now=utc_now(), **given)
            flash(
                _("Saved. It applies from the next bill; issued bills stay as they are."), "success"
            )
            return back("organisation.index")
    in_use = select(Site).where(Site.archived_at.is_(None)).order_by(by_name(Site.name))
    page = render_template(
        "office/organisation/index.html",
        form=form,
        seller=receipts.seller_of(_tenant(), None),
        sites=[
            (site, receipts.seller_of(_tenant(), site))
            for site in db.session.scalars(in_use)
            if any(getattr(site, field) for field in receipts.SELLER)
        ],
    )
    return page, 422 if form.errors else 200


def _tenant() -> Tenant:
    return db.session().get_one(Tenant, current_user.tenant_id)
