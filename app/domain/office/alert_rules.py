"""Rules of alerts: what is watched, where, after how long, and who is told of it.

Of one kind there is one rule for each site and one for all the others, so that nothing is found
twice: the rule that names a site replaces the general one there.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.orm import Session, selectinload

from app.domain.ground import clock, texts
from app.domain.ground.errors import Invalid, Taken
from app.domain.ground.vocabulary import AHEAD, OF_NO_SITE, WAITS, Actor, AlertKind, Arguments
from app.domain.office import audit, outbox
from app.models import Alert, AlertRule, Site
from app.schemas.office import MOST_ADDRESSES, NewAlertRule


def add(db: Session, actor: Actor, tenant_id: int, *, now: datetime, **given: Any) -> AlertRule:
    """Add a rule of what `NewAlertRule` names; raises `Invalid` or `Taken`."""
    rule = AlertRule(tenant_id=tenant_id, created_at=now, mail_to=[], escalate_to=[])
    _apply(db, rule, {"minutes": None, "timezone": "UTC", "name": "", "kind": None, **given})
    return audit.added(db, actor, "alert_rule.add", rule, now=now)


def edit(db: Session, actor: Actor, rule: AlertRule, *, now: datetime, **given: Any) -> AlertRule:
    """Change what is given and leave the rest; raises `Invalid` or `Taken`."""
    before = ahead(rule)
    with audit.edited(db, actor, "alert_rule.edit", rule, now=now):
        _apply(db, rule, given)
    if later := before - ahead(rule):
        ends = Alert.rule_id == rule.id, Alert.closed_at.is_(None), Alert.kind.in_(AHEAD)
        for alert in db.scalars(select(Alert).where(*ends)):
            alert.began_at += later
    return rule


#: Watches no more; what it found is closed at the next look.
archive = partial(audit.archive, kind="alert_rule")


def restore(db: Session, actor: Actor, rule: AlertRule, *, now: datetime) -> None:
    """Watch again; raises `Taken` where another rule watches the same by now."""
    _refuse_twin(db, rule)
    audit.restore(db, actor, rule, now=now, kind="alert_rule")


named = texts.finder(AlertRule, "rule")


def at_work(db: Session, tenant_id: int) -> Sequence[AlertRule]:
    """The rules of a tenant that watch, with their sites."""
    query = select(AlertRule).options(selectinload(AlertRule.sites))
    query = query.where(AlertRule.tenant_id == tenant_id, AlertRule.archived_at.is_(None))
    return db.scalars(query.order_by(AlertRule.id)).all()


def ahead(rule: AlertRule) -> timedelta:
    """How long before the end of something a rule finds it."""
    return timedelta(days=rule.days or AHEAD.get(rule.kind, 0))


class Fitting:
    """Which rule is about what happens where: the one that names the site, else the general one."""

    def __init__(self, rules: Iterable[AlertRule]) -> None:
        self._rules: dict[tuple[AlertKind, int | None], AlertRule] = {}
        for rule in rules:
            ids: list[int | None] = [site.id for site in rule.sites]
            for site_id in ids or [None]:
                self._rules[rule.kind, site_id] = rule

    def rule(self, kind: AlertKind, site_id: int | None) -> AlertRule | None:
        """The rule that is about a kind of thing at a site (None: of no site)."""
        return self._rules.get((kind, site_id)) or self._rules.get((kind, None))

    def reach(self) -> dict[AlertKind, timedelta]:
        """The kinds that are watched, each with the shortest time that any rule waits.

        Of what ends it is the longest time that any rule looks ahead.
        """
        found: dict[AlertKind, timedelta] = {}
        for (kind, _), rule in self._rules.items():
            if kind in AHEAD:
                found[kind] = max(ahead(rule), found.get(kind, timedelta()))
            else:
                waits = timedelta(minutes=rule.minutes)
                found[kind] = min(waits, found.get(kind, waits))
        return found


def _apply(db: Session, rule: AlertRule, given: Arguments) -> None:
    if "kind" in given:
        rule.kind = _kind(given["kind"])
    if "name" in given:
        name = NewAlertRule.line("name", given["name"], required=True)
        texts.rename(db, rule, name, f"There is a rule called {name} already.")
    if "site_ids" in given:
        _place(db, rule, given["site_ids"] or ())
    if "minutes" in given:
        wanted = given["minutes"]
        rule.minutes = WAITS.get(rule.kind, 0) if wanted is None else wanted
    if "days" in given:
        rule.days = given["days"]
    if rule.days is not None and rule.kind not in AHEAD:
        raise Invalid("Only what ends on a known day can be told days before.", field="days")
    for name in ("mail_to", "escalate_to"):
        if name in given:
            setattr(rule, name, _addresses(given[name] or (), name))
    for name in ("quiet_from", "quiet_until"):
        if name in given:
            setattr(rule, name, _time_of_day(given[name], name))
    if "escalate_after" in given:
        rule.escalate_after = given["escalate_after"]
    if "timezone" in given:
        rule.timezone = clock.zone_name(given["timezone"] or "UTC")
    if (rule.quiet_from is None) != (rule.quiet_until is None):
        raise Invalid("Quiet hours have a beginning and an end.", field="quiet_until")
    if (rule.escalate_after is None) != (not rule.escalate_to):
        raise Invalid(
            "An escalation needs minutes and an address that is told then.", field="escalate_to"
        )
    if rule.archived_at is None:
        _refuse_twin(db, rule)


def _kind(word: Any) -> AlertKind:
    try:
        return AlertKind(word)
    except ValueError:
        words = ", ".join(AlertKind)
        raise Invalid(f"What is watched must be one of: {words}.", field="kind") from None


def _place(db: Session, rule: AlertRule, site_ids: Iterable[int]) -> None:
    wanted = frozenset(site_ids)
    query = select(Site).where(Site.id.in_(wanted), Site.tenant_id == rule.tenant_id)
    with db.no_autoflush:
        found = list(db.scalars(query)) if wanted else []
    if len(found) != len(wanted):
        raise Invalid("One of these sites does not exist.", field="site_ids")
    rule.sites = found


def _addresses(typed: Iterable[str], field: str) -> list[str]:
    found = [texts.email(address, field=field) for address in typed]
    addresses = list(dict.fromkeys(address for address in found if address))
    if len(addresses) > MOST_ADDRESSES:
        raise Invalid(f"A rule has {MOST_ADDRESSES} addresses at most.", field=field)
    return addresses


def _time_of_day(typed: str | None, field: str) -> str | None:
    if not (typed or "").strip():
        return None
    try:
        return f"{datetime.strptime((typed or '').strip(), '%H:%M'):%H:%M}"
    except ValueError:
        raise Invalid(
            f"{typed} is no time of day; it should look like 22:00.", field=field
        ) from None


def _refuse_twin(db: Session, rule: AlertRule) -> None:
    """Raise `Taken` where another rule watches the same at the same place."""
    here = {site.id for site in rule.sites}
    if here and rule.kind in OF_NO_SITE:
        raise Invalid("This belongs to no site: leave the sites unticked.", field="site_ids")
    with db.no_autoflush:
        others = at_work(db, rule.tenant_id)
    for other in others:
        if other is rule or other.kind is not rule.kind:
            continue
        there = {site.id: site.name for site in other.sites}
        if not here and not there:
            raise Taken(f"“{other.name}” watches this already.", field="kind")
        if both := here & there.keys():
            place = there[min(both)]
            raise Taken(f"“{other.name}” watches this at {place} already.", field="site_ids")


def still_open(db: Session, tenant_id: int) -> Sequence[Alert]:
    """The open alerts of a tenant, the oldest first."""
    query = select(Alert).options(selectinload(Alert.rule))
    query = query.where(Alert.tenant_id == tenant_id, Alert.closed_at.is_(None))
    return db.scalars(query.order_by(Alert.id)).all()


#: Alerts that a mail names one by one.
MOST_LINES = 50
#: An end that could not be told within so long is told no more.
END_TOLD_WITHIN = timedelta(hours=24)


def tell(db: Session, tenant_id: int, *, desk_url: str, now: datetime) -> int:
    """Queue the mails that are due; returns how many.

    Run within the unit of work that settles: whoever holds its mark is alone.
    """
    running, count = still_open(db, tenant_id), 0
    unseen = [one for one in running if one.told_at is None and one.acknowledged_at is None]
    news = [alert for alert in unseen if _may_speak(alert, now)]
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
