"""Tag groups: who may stop whose session, and the tariff they share."""

from flask import Blueprint, render_template
from flask.typing import ResponseReturnValue

from app.domain.access import tag_groups
from app.domain.ground.texts import N_
from app.extensions import db
from app.forms.access import GroupForm
from app.models import TagGroup
from app.queries.access import drivers as driver_queries
from app.queries.access import tags as queries
from app.resource import TAG_GROUPS
from app.views.ground import _doing
from app.views.ground._plain import Plain
from app.web.security import needs

blueprint = Blueprint("tag_groups", __name__, url_prefix="/tags/groups")


@blueprint.get("")
@needs("read")
def index() -> ResponseReturnValue:
    """All groups with the number of their tags."""
    session = db.session()
    return render_template(
        "access/tags/groups.html",
        groups=queries.groups(session),
        sizes=queries.group_sizes(session),
    )


def _form(group: TagGroup | None) -> GroupForm:
    form = GroupForm(data=GroupForm.held(group) if group else None)
    tariffs = driver_queries.tariffs(db.session())
    form.tariff.choices = [("", "As the station or site"), *((str(t.id), t.name) for t in tariffs)]
    form.sites.choices = queries.site_choices(db.session(), group)
    return form


plain = Plain(blueprint, TAG_GROUPS, "access/tags/group_form.html", _form)
plain.create(N_("Added the group %(name)s. Now add its tags."), ".index")
plain.edit(then=".index")


_doing.does(
    *(blueprint, "/<int:group_id>/remove", tag_groups.remove),
    _doing.by_number(TagGroup, "There is no such group."),
    *(N_("Deleted the group %(name)s."), ".index"),
)
