"""Alerts, their rules and webhooks, as their pages and lists show them."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session, joinedload, selectinload

from app.domain.ground.vocabulary import Area, DeliveryState, Right
from app.domain.office import rights
from app.models import Alert, AlertRule, AuditEntry, User, WebhookDelivery, WebhookEndpoint
from app.queries.ground.filters import fitting
from app.queries.ground.names import by_name
from app.queries.ground.paging import Page, Wish, alike, fetch, like

SORTS = {"opened": Alert.opened_at, "began": Alert.began_at, "what": Alert.what}
#: Entries of an alert's story, and deliveries on the page of a webhook.
MOST_ENTRIES = 50


@dataclass(frozen=True, slots=True)
class Filter:
    """What the alerts are narrowed to; `state` is open (the default), closed or all."""

    q: str = ""
    state: str = ""
    kind: str = ""
    site_id: int | None = None
    assigned_to_id: int | None = None
    acknowledged: str = ""

    def select(self) -> Select[Alert]:
        """Select the alerts, in no order yet."""
        own = {name: getattr(Alert, name) for name in ("kind", "site_id", "assigned_to_id")}
        query = select(Alert).where(*fitting(self, **own))
        query = query.options(
            joinedload(Alert.site), joinedload(Alert.station), joinedload(Alert.assigned_to)
        )
        if self.state != "all":
            over = Alert.closed_at.is_not(None)
            query = query.where(over if self.state == "closed" else ~over)
        if self.q:
            query = query.where(alike(like(self.q), Alert.what))
        if self.acknowledged in ("yes", "no"):
            seen = Alert.acknowledged_at.is_not(None)
            query = query.where(seen if self.acknowledged == "yes" else ~seen)
        return query


def page(db: Session, wanted: Filter, wish: Wish) -> Page:
    return fetch(db, wanted.select(), wish, SORTS, default="-opened", noun="alerts")


def rules(db: Session) -> list[AlertRule]:
    """All rules, those at work first."""
    query = select(AlertRule).options(selectinload(AlertRule.sites))
    archived = AlertRule.archived_at.is_not(None)
    return list(db.scalars(query.order_by(archived, by_name(AlertRule.name))))


def found_by(db: Session) -> dict[int, int]:
    """How many alerts of each rule are open."""
    query = select(Alert.rule_id, func.count(Alert.id)).where(Alert.closed_at.is_(None))
    return {row[0]: row[1] for row in db.execute(query.group_by(Alert.rule_id))}


def story(db: Session, alert: Alert) -> list[AuditEntry]:
    """What people did about an alert, the oldest first."""
    query = select(AuditEntry).where(
        AuditEntry.tenant_id == alert.tenant_id,
        AuditEntry.at >= alert.opened_at,
        AuditEntry.subject_kind == "Alert",
        AuditEntry.subject_id == alert.id,
    )
    return list(db.scalars(query.order_by(AuditEntry.id).limit(MOST_ENTRIES)))


def who_may_see_to(db: Session, alert: Alert) -> list[User]:
    """Members of staff that an alert may be assigned to."""
    query = select(User).options(selectinload(User.sites)).order_by(by_name(User.name))
    able = query.where(User.archived_at.is_(None), User.owner_id.is_(None))
    return [
        user
        for user in db.scalars(able.options(joinedload(User.own_role)))
        if rights.may(rights.of(user), Area.OFFICE, Right.WRITE)
        if not user.sites or alert.site_id in {site.id for site in user.sites}
    ]


# Webhooks.


@dataclass(frozen=True, slots=True)
class Tally:
    """How deliveries to a webhook went in the last day."""

    delivered: int = 0
    waiting: int = 0
    failed: int = 0


def webhooks(db: Session) -> list[WebhookEndpoint]:
    """All webhooks, those in use first."""
    archived = WebhookEndpoint.archived_at.is_not(None)
    query = select(WebhookEndpoint).order_by(archived, by_name(WebhookEndpoint.name))
    return list(db.scalars(query))


def tallies(db: Session, now: datetime) -> dict[int, Tally]:
    """How deliveries went in the last day, by webhook."""
    state = WebhookDelivery.state
    query = (
        select(
            WebhookDelivery.endpoint_id,
            func.count().filter(state == DeliveryState.DELIVERED),
            func.count().filter(state.in_([DeliveryState.QUEUED, DeliveryState.SENDING])),
            func.count().filter(state == DeliveryState.FAILED),
        )
        .where(WebhookDelivery.created_at > now - timedelta(days=1))
        .group_by(WebhookDelivery.endpoint_id)
    )
    return {row[0]: Tally(*row[1:]) for row in db.execute(query)}


def deliveries(
    db: Session, endpoint: WebhookEndpoint, wish: Wish, *, state: str = "", event: str = ""
) -> Page:
    """Return the wished page of what was delivered to a webhook, the newest first."""
    query: Select[Any] = select(WebhookDelivery).where(WebhookDelivery.endpoint_id == endpoint.id)
    if state in list(DeliveryState):
        query = query.where(WebhookDelivery.state == DeliveryState(state))
    if event:
        query = query.where(WebhookDelivery.event == event)
    sorts = {"created": WebhookDelivery.created_at}
    return fetch(db, query, wish, sorts, default="-created", noun="deliveries")
