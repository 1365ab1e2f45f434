"""Who is told of alerts by mail, and when: never in quiet hours, and each of them once.

What happens in one look is one mail for each rule and address, however many stations are gone.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.orm import Session, selectinload

from app.domain.office import outbox
from app.domain.office.alerts import still_open
from app.models import Alert, AlertRule

#: Alerts that a mail names one by one.
MOST_LINES = 50
#: An end that could not be told within so long is told no more.
END_TOLD_WITHIN = timedelta(hours=24)


def tell(db: Session, tenant_id: int, *, desk_url: str, now: datetime) -> int:
    """Queue the mails that are due; returns how many.

    Run within the unit of work that settles: whoever holds its mark is alone.
    """
    running, count = still_open(db, tenant_id), 0
    news = [alert for alert in running if _is_news(alert, now)]
    late = [alert for alert in running if _is_late(alert, now)]
    over = [alert for alert in _ended(db, tenant_id, now) if not is_quiet(alert.rule, now)]
    for alert in news:
        alert.told_at = now
    for alert in late:
        alert.escalated_at = now
    for alert in over:
        alert.over_told_at = now
    for alerts, word in ((news, "Alert"), (late, "Still not seen to"), (over, "Over")):
        for rule, of_rule in _by_rule(alerts):
            letter = _subject(word, of_rule), _body(rule, of_rule, desk_url)
            for address in rule.escalate_to if alerts is late else rule.mail_to:
                outbox.queue(
                    db, tenant_id, recipient=address, subject=letter[0], body=letter[1], now=now
                )
                count += 1
    db.flush()
    return count


def is_quiet(rule: AlertRule, now: datetime) -> bool:
    """Whether mails of a rule wait; hours that end before they begin go over midnight."""
    if rule.quiet_from is None or rule.quiet_until is None:
        return False
    clock = f"{now.astimezone(ZoneInfo(rule.timezone)):%H:%M}"
    if rule.quiet_from <= rule.quiet_until:
        return rule.quiet_from <= clock < rule.quiet_until
    return clock >= rule.quiet_from or clock < rule.quiet_until


def _may_speak(alert: Alert, now: datetime) -> bool:
    snoozed = alert.snoozed_until is not None and alert.snoozed_until > now
    return not snoozed and not is_quiet(alert.rule, now)


def _is_news(alert: Alert, now: datetime) -> bool:
    return alert.told_at is None and alert.acknowledged_at is None and _may_speak(alert, now)


def _is_late(alert: Alert, now: datetime) -> bool:
    if alert.rule.escalate_after is None or alert.told_at is None:
        return False
    waits = alert.acknowledged_at is None and alert.escalated_at is None
    due_at = alert.told_at + timedelta(minutes=alert.rule.escalate_after)
    return waits and due_at <= now and _may_speak(alert, now)


def _ended(db: Session, tenant_id: int, now: datetime) -> Sequence[Alert]:
    """Those that were told of, are over by themselves, and of whose end nobody was told."""
    query = select(Alert).options(selectinload(Alert.rule))
    return db.scalars(
        query.where(
            Alert.tenant_id == tenant_id,
            Alert.closed_at > now - END_TOLD_WITHIN,
            Alert.told_at.is_not(None),
            Alert.closed_by.is_(None),
            Alert.over_told_at.is_(None),
        ).order_by(Alert.id)
    ).all()


def _by_rule(alerts: Iterable[Alert]) -> Iterable[tuple[AlertRule, list[Alert]]]:
    found: dict[int, list[Alert]] = {}
    for alert in alerts:
        found.setdefault(alert.rule_id, []).append(alert)
    return [(of_rule[0].rule, of_rule) for of_rule in found.values()]


def _subject(word: str, alerts: Sequence[Alert]) -> str:
    more = f" and {len(alerts) - 1} more" if len(alerts) > 1 else ""
    return f"{word}: {alerts[0].what}"[:180] + more


def _body(rule: AlertRule, alerts: Sequence[Alert], desk_url: str) -> str:
    zone = ZoneInfo(rule.timezone)
    lines = []
    for alert in alerts[:MOST_LINES]:
        period = f"since {alert.began_at.astimezone(zone):%Y-%m-%d %H:%M}"
        if alert.closed_at is not None:
            period += f", over at {alert.closed_at.astimezone(zone):%Y-%m-%d %H:%M}"
        lines += [f"{alert.what}", f"  {period}", f"  {desk_url}/alerts/{alert.id}", ""]
    if len(alerts) > MOST_LINES:
        lines += [f"and {len(alerts) - MOST_LINES} more: {desk_url}/alerts", ""]
    lines += [
        f"Times are those of {rule.timezone}.",
        f"You get this because the rule “{rule.name}” names your address.",
    ]
    return "\n".join(lines)
