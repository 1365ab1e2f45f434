"""Rules of alerts: what is watched, where, and who is told."""

from typing import Any

from flask import Blueprint, g, render_template
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from app.domain.ground.texts import N_
from app.extensions import db
from app.forms.office.alerts import KINDS, AlertRuleForm
from app.models import AlertRule
from app.queries.network import sites as site_queries
from app.queries.office import alerts as queries
from app.resource import ALERT_RULES
from app.views.ground._plain import Plain
from app.web.security import needs

blueprint = Blueprint("alert_rules", __name__, url_prefix="/alerts/rules")


@blueprint.get("")
@needs("read", everywhere=True)
def index() -> ResponseReturnValue:
    """All rules, with what they have found."""
    session = db.session()
    return render_template(
        "office/alerts/rules.html",
        rules=queries.rules(session),
        found=queries.found_by(session),
        kinds=KINDS,
    )


def _form(rule: AlertRule | None) -> AlertRuleForm:
    held: dict[str, Any] = {"timezone": g.zone, "kind": "station_offline"}
    if rule is not None:
        held = {name: getattr(rule, name) for name in _PLAIN}
        held |= {"kind": rule.kind.value, "site_ids": [site.id for site in rule.sites]}
    form = AlertRuleForm(data=held)
    own = rule.sites if rule is not None else []
    in_use = site_queries.choices(db.session())
    places = [*in_use, *(site for site in own if site not in in_use)]
    form.site_ids.choices = [(site.id, site.name) for site in places]
    return form


#: Members that the form shows as the row has them.
_PLAIN = (
    *("name", "minutes", "days", "mail_to", "quiet_from", "quiet_until", "timezone"),
    *("escalate_after", "escalate_to"),
)


def _typed(_work: Session, form: AlertRuleForm, _rule: AlertRule | None) -> dict[str, Any]:
    return {**form.typed(), "site_ids": frozenset(form.site_ids.data or ())}


plain = Plain(
    blueprint, ALERT_RULES, "office/alerts/rule_form.html", _form, _typed, everywhere=True
)
plain.create(N_("Added the rule %(name)s. It takes effect now."), ".index")
plain.edit(then=".index")
plain.archive(N_("Switched off %(name)s."), ".index")
plain.restore(N_("Switched on %(name)s."), ".index")
