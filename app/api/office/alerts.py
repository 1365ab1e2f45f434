"""Alerts and their rules."""

from app.api.ground import _bulk, _lists, _rows
from app.api.ground._noun import Noun, finds
from app.api.ground._plain import Plain
from app.domain.office import alerts
from app.models import Alert, AlertRule
from app.resource import ALERT_RULES
from app.schemas import office as schemas
from app.schemas.answers import read
from app.schemas.bulk import AlertsBulk

rule_noun = Noun("alert-rules", "What is watched, and who is told of it.", everywhere=True)

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

plain_rules = Plain(rule_noun, ALERT_RULES, RULE)
plain_rules.list("The rules, in the order in which they were made.", schemas.AlertRules)
plain_rules.show("One rule.")
plain_rules.create(
    "Add a rule; it is looked at from now on. Of one kind there is one for each site, and one "
    "for all the others.",
    schemas.NewAlertRule,
    409,
)
plain_rules.edit("Change what is given and leave the rest.", schemas.AlertRuleChanges)
plain_rules.archive("Watch no more; what the rule found is closed.")
plain_rules.restore("Watch again.", 409)


noun = Noun("alerts", "What rules have found: what began, until it is over.")
ALERT = _rows.answer(
    "Alert",
    "Something that a rule found. `began_at` is when it began, `opened_at` when it was noticed, "
    "`closed_at` when it was over, null while it goes on. `subject` names it within its kind. "
    "Closed by a person (`closed_by`) while it `goes_on`, it stays closed until it is over. "
    "`told_at` is when mails about it left, null while they wait for the end of quiet hours or of "
    "a snooze.",
    Alert,
)


_alert = finds(Alert, "alert")
list_ = _lists.hang(
    *(noun, "/alerts", "List alerts", "The alerts in reach, the newest first."),
    *(Alert, ALERT),
    asked=schemas.Alerts,
    ways={
        "state": lambda state: Alert.closed_at.is_not(None) == (state == "closed"),
        "acknowledged": lambda known: Alert.acknowledged_at.is_not(None) == known,
    },
)
noun.show("/alerts/{alert_id}", "Read an alert", "One alert.", ALERT, _alert)
noun.decide(
    "/alerts/{alert_id}/acknowledge",
    "Acknowledge an alert",
    "Say that somebody knows: nothing is escalated. Whoever said so first stays named.",
    *(ALERT, _alert, alerts.acknowledge),
)
noun.decide(
    "/alerts/{alert_id}/close",
    "Close an alert",
    "Close it by hand, with a note or without. It opens again when it is over and begins anew.",
    *(ALERT, _alert, alerts.close),
    body=schemas.AlertClosing,
    problems=(409,),
)
noun.decide(
    "/alerts/{alert_id}",
    "Change an alert",
    "Assign it, put off its mails, or note something; what is left out stays.",
    *(ALERT, _alert, alerts.change),
    name="change",
    method="PATCH",
    body=schemas.AlertChanges,
    problems=(404, 409),
)
_bulk.hang(
    *(noun, alerts.MANY, list_, AlertsBulk),
    "Acknowledge, close or put off many alerts; what is over is left as it is.",
)
