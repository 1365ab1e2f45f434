"""Alerts: opened when something begins, closed when it is over, and seen to by people.

What there is to be said comes from `app.queries.office.conditions`; here it is held against the
rules.  An alert is open but once, whoever looks at the same time: a look that another one has
overtaken is dropped, and the table's own index has the last word.
"""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from app.domain.ground import events
from app.domain.ground.bulk import BulkInsert, rows_changed
from app.domain.ground.errors import Conflict, Invalid, NotFound
from app.domain.ground.many import Many, Tally
from app.domain.ground.vocabulary import AHEAD, Actor, AlertKind, Area, Json, Right
from app.domain.office import alert_rules, audit, housekeeping, rights
from app.domain.office.alert_rules import Fitting, still_open
from app.models import Alert, AlertRule, SystemMark, User
from app.schemas.office import AlertChanges

#: The longest that mails about an alert may be put off.
LONGEST_SNOOZE = timedelta(days=31)


class Condition(NamedTuple):
    """Something that a rule may be about: what, since when, and where.

    With `ends_at` it is the end that counts: it begins so many days before as the rule says.
    What is only `remembered` keeps an alert open and opens none.
    """

    kind: AlertKind
    subject: str
    what: str
    since: datetime
    site_id: int | None = None
    station_id: int | None = None
    ends_at: datetime | None = None
    remembered: bool = False


class Look(NamedTuple):
    """What was found, of which kinds all there is of it, and when that was read."""

    found: Sequence[Condition]
    kinds: Collection[AlertKind]
    at: datetime


_OPEN = BulkInsert(
    Alert.__table__,
    (
        *("tenant_id", "site_id", "station_id", "rule_id", "kind", "subject", "what"),
        *("began_at", "opened_at"),
    ),
    skip_known=True,
)


def settle(db: Session, tenant_id: int, rules: Sequence[AlertRule], look: Look) -> bool:
    """Open what began and close what is over; tells whether this look counted.

    It does not where somebody who looked later was here before.
    """
    if not _is_newest(db, tenant_id, look.at):
        return False
    fitting = Fitting(rules)
    due: dict[tuple[AlertKind, str], tuple[Condition, AlertRule]] = {}
    for one in look.found:
        rule = fitting.rule(one.kind, one.site_id)
        if rule is not None and one.ends_at is not None:
            one = one._replace(since=one.ends_at - alert_rules.ahead(rule))
        if rule is not None and one.since <= look.at - timedelta(minutes=rule.minutes):
            due[one.kind, one.subject[:300]] = one, rule
    changed = _follow(still_open(db, tenant_id), due, fitting, look)
    _leave_closed(db, tenant_id, due, fitting, look)
    rows = [
        (
            *(tenant_id, one.site_id, one.station_id, rule.id, kind, subject, one.what[:300]),
            *(min(one.since, look.at), look.at),
        )
        for (kind, subject), (one, rule) in due.items()
        if not one.remembered
    ]
    _OPEN(db, rows)
    if changed or rows:
        events.record(db, events.AlertsChanged(tenant_id))
    db.flush()
    return True


def _is_newest(db: Session, tenant_id: int, at: datetime) -> bool:
    part = f"alerts {tenant_id}"
    housekeeping.mark(db, part, at - timedelta(days=1))
    ours = update(SystemMark).where(SystemMark.part == part, SystemMark.at < at).values(at=at)
    return rows_changed(db, ours) == 1


def _follow(
    alerts: Sequence[Alert],
    due: dict[tuple[AlertKind, str], tuple[Condition, AlertRule]],
    fitting: Fitting,
    look: Look,
) -> bool:
    """Close the open ones that are over, and take those that are not out of `due`.

    What is only watched no more, or not so soon, is closed as well, and nobody is told that it
    is over; nor is anybody of the end of a moment, such as a security event.
    """
    changed = False
    for alert in alerts:
        goes_on = due.pop((alert.kind, alert.subject), None)
        if goes_on is not None:
            one, rule = goes_on
            changed |= alert.what != one.what[:300]
            alert.began_at, alert.what = _began(alert, rule), one.what[:300]
            alert.rule = rule
            continue
        watched = fitting.rule(alert.kind, alert.site_id)
        if alert.kind in look.kinds or watched is None:
            alert.closed_at, changed = look.at, True
            if (
                watched is None
                or _began(alert, watched) > look.at - timedelta(minutes=watched.minutes)
                or alert.kind is AlertKind.SECURITY_EVENT
            ):
                alert.over_told_at = look.at
    return changed


def _began(alert: Alert, rule: AlertRule) -> datetime:
    """When an alert began as a rule has it: what ends begins so many days before as that says."""
    if alert.kind not in AHEAD:
        return alert.began_at
    return alert.began_at + alert_rules.ahead(alert.rule) - alert_rules.ahead(rule)


def _leave_closed(
    db: Session,
    tenant_id: int,
    due: dict[tuple[AlertKind, str], tuple[Condition, AlertRule]],
    fitting: Fitting,
    look: Look,
) -> None:
    """Take out of `due` what a person has closed and what has not been over since."""
    shut = select(Alert).where(Alert.tenant_id == tenant_id, Alert.goes_on)
    for alert in db.scalars(shut):
        key = alert.kind, alert.subject
        if key in due:
            # Of what has no beginning of its own, the look's time is told instead.
            since = due[key][0].since
            alert.goes_on = since == look.at or since <= (alert.closed_at or look.at)
            if alert.goes_on:
                del due[key]
        elif alert.kind in look.kinds or fitting.rule(alert.kind, alert.site_id) is None:
            alert.goes_on = False


# What people do about an alert.


def acknowledge(db: Session, actor: Actor, alert: Alert, *, now: datetime) -> None:
    """Say that somebody knows: nothing is escalated; whoever said so first stays named."""
    if alert.acknowledged_at is None:
        _change(
            db, actor, "alert.acknowledge", alert, now,
            acknowledged_at=now, acknowledged_by=actor.name,
        )  # fmt: skip


def change(db: Session, actor: Actor, alert: Alert, *, now: datetime, **given: Any) -> None:
    """Assign, snooze, or note something: what `AlertChanges` names; the rest stays.

    Raises `Invalid`, `NotFound`, or `Conflict` where there is nothing left to put off.
    """
    columns: Json = {}
    if "note" in given:
        columns["note"] = AlertChanges.line("note", given["note"]) or None
    if "assigned_to_id" in given:
        columns["assigned_to_id"] = _assignee(db, alert, given["assigned_to_id"])
    if "snoozed_until" in given:
        columns |= _snoozed(alert, given["snoozed_until"], now)
    _change(db, actor, "alert.edit", alert, now, **columns)


def close(
    db: Session, actor: Actor, alert: Alert, *, now: datetime, note: str | None = None
) -> None:
    """Close an alert by hand, with a note or without: it opens again when it begins anew.

    Raises `Conflict` where it is over already.
    """
    if alert.closed_at is not None:
        raise Conflict("This alert is closed already.")
    columns: Json = {"closed_at": now, "closed_by": actor.name, "goes_on": True}
    if written := AlertChanges.line("note", note or ""):
        columns["note"] = written
    _change(db, actor, "alert.close", alert, now, **columns)


def close_all(db: Session, actor: Actor, found: Sequence[Alert], *, now: datetime) -> Tally:
    """Close many alerts by hand; what is over is left as it is."""
    still = [alert for alert in found if alert.closed_at is None]
    columns = {"closed_at": now, "closed_by": actor.name, "goes_on": True}
    audit.change_all(db, actor, "alert.close", still, now=now, **columns)
    _tell(db, still)
    return Tally(len(still))


def acknowledge_all(db: Session, actor: Actor, found: Sequence[Alert], *, now: datetime) -> Tally:
    """Say of many alerts that somebody knows; what is over is left as it is."""
    still = [alert for alert in found if alert.closed_at is None]
    new = [alert for alert in still if alert.acknowledged_at is None]
    columns = {"acknowledged_at": now, "acknowledged_by": actor.name}
    audit.change_all(db, actor, "alert.acknowledge", new, now=now, **columns)
    _tell(db, new)
    return Tally(len(still))


def snooze_all(
    db: Session,
    actor: Actor,
    found: Sequence[Alert],
    *,
    now: datetime,
    until: datetime | None = None,
) -> Tally:
    """Put many alerts off; raises `Invalid` where that is too long.  What is over is left."""
    still = [alert for alert in found if alert.closed_at is None]
    if still:
        columns = _snoozed(still[0], until, now)
        audit.change_all(db, actor, "alert.edit", still, now=now, **columns)
        _tell(db, still)
    return Tally(len(still))


#: What may be done to many alerts.
MANY = Many(Alert, {"acknowledge": acknowledge_all, "close": close_all, "snooze": snooze_all})


def _tell(db: Session, found: Sequence[Alert]) -> None:
    for tenant_id in {alert.tenant_id for alert in found}:
        events.record(db, events.AlertsChanged(tenant_id))


def _snoozed(alert: Alert, until: datetime | None, now: datetime) -> Json:
    if until is None or until <= now:
        return {"snoozed_until": None}
    if alert.closed_at is not None:
        raise Conflict("This is over: there is nothing to put off.", field="snoozed_until")
    if until > now + LONGEST_SNOOZE:
        raise Invalid("A snooze lasts 31 days at most.", field="snoozed_until")
    # If it still is so then, it is told anew.
    return {"snoozed_until": until, "told_at": None, "escalated_at": None}


def _assignee(db: Session, alert: Alert, user_id: int | None) -> int | None:
    if user_id is None:
        return None
    user = db.get(User, user_id)
    fits = user is not None and user.tenant_id == alert.tenant_id and user.archived_at is None
    if user is None or not fits:
        raise NotFound("There is no such member of staff.", field="assigned_to_id")
    if not rights.may(rights.of(user), Area.OFFICE, Right.WRITE):
        raise Invalid(f"{user.name} may only look on.", field="assigned_to_id")
    sites = {site.id for site in user.sites}
    if sites and alert.site_id not in sites:
        raise Invalid(f"{user.name} does not see this site.", field="assigned_to_id")
    return user.id


def _change(
    db: Session, actor: Actor, action: str, alert: Alert, now: datetime, **columns: Any
) -> None:
    if audit.change(db, actor, action, alert, now=now, **columns):
        events.record(db, events.AlertsChanged(alert.tenant_id))
