"""Rules of alerts: what is watched, where, and who is told."""

from app.api.ground import _rows
from app.api.ground._noun import Noun
from app.api.ground._plain import Plain
from app.models import AlertRule
from app.resource import ALERT_RULES
from app.schemas import office as schemas
from app.schemas.answers import read

noun = Noun("alert-rules", "What is watched, and who is told of it.")
blueprint = noun.blueprint

RULE = _rows.answer(
    "AlertRule",
    "A rule. `minutes` is how long something has to last; mails wait from `quiet_from` to "
    "`quiet_until` on the clock of `timezone`; `escalate_after` minutes after the first mail "
    "`escalate_to` is told of what nobody has acknowledged. No `site_ids`: it is at work wherever "
    "no other rule of its kind is.",
    AlertRule,
    without=("name_key",),
    mail_to=list[str],
    escalate_to=list[str],
    site_ids=read(list[int], lambda rule: [site.id for site in rule.sites]),
)

plain = Plain(noun, ALERT_RULES, RULE, everywhere=True)
plain.list("The rules, in the order in which they were made.", schemas.AlertRules)
plain.show("One rule.")
plain.create(
    "Add a rule; it is looked at from now on. Of one kind there is one for each site, and one "
    "for all the others.",
    schemas.NewAlertRule,
    409,
)
plain.edit("Change what is given and leave the rest.", schemas.AlertRuleChanges)
plain.archive("Watch no more; what the rule found is closed.")
plain.restore("Watch again.", 409)
