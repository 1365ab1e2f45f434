"""Alerts and their rules."""

from typing import Any

from sqlalchemy import select

from app.api.ground import _bulk, _rows
from app.api.ground._noun import Ask, Noun
from app.api.ground._paging import Pages
from app.domain.office import alerts
from app.models import Alert
from app.schemas import office as schemas
from app.schemas.bulk import AlertsBulk
from app.uow import unit_of_work

noun = Noun("alerts", "What rules have found: what began, until it is over.")
blueprint = noun.blueprint

ALERT = _rows.answer(
    "Alert",
    "Something that a rule found. `began_at` is when it began, `opened_at` when it was noticed, "
    "`closed_at` when it was over, null while it goes on. `subject` names it within its kind. "
    "Closed by a person (`closed_by`) while it `goes_on`, it stays closed until it is over. "
    "`told_at` is when mails about it left, null while they wait for the end of quiet hours or of "
    "a snooze.",
    Alert,
)


def _alert(ask: Ask, alert_id: int) -> Alert:
    alert: Alert = ask.get(Alert, alert_id, "alert")
    return alert


@noun.get("/alerts", "List alerts", answers={200: Pages(ALERT)}, query=schemas.Alerts)
def list_(ask: Ask) -> Any:
    """The alerts in reach, the newest first."""
    query = select(Alert)
    for name in ("kind", "site_id", "station_id"):
        if (value := ask.query.get(name)) is not None:
            query = query.where(getattr(Alert, name) == value)
    if state := ask.query.get("state"):
        over = Alert.closed_at.is_not(None)
        query = query.where(over if state == "closed" else ~over)
    if (seen := ask.query.get("acknowledged")) is not None:
        known = Alert.acknowledged_at.is_not(None)
        query = query.where(known if seen else ~known)
    return ask.page(query, Alert.id)


@noun.get("/alerts/{alert_id}", "Read an alert", answers={200: ALERT})
def show(ask: Ask, alert_id: int) -> Any:
    """One alert."""
    return _alert(ask, alert_id)


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


@noun.patch(
    "/alerts/{alert_id}",
    "Change an alert",
    body=schemas.AlertChanges,
    answers={200: ALERT},
    problems=(404, 409),
)
def change(ask: Ask, alert_id: int) -> Any:
    """Assign it, put off its mails, or note something; what is left out stays."""
    alert = _alert(ask, alert_id)
    with unit_of_work() as db:
        alerts.change(db, ask.actor, alert, now=ask.now, **ask.body)
    return alert


_bulk.hang(
    *(noun, alerts.MANY, list_, AlertsBulk),
    "Acknowledge, close or put off many alerts; what is over is left as it is.",
)
