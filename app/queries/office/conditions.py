"""What alerts may be about now: all of each kind, found as Home finds what needs attention.

One statement or two for each kind that is watched, however many stations there are.
"""

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta

from sqlalchemy import exists, func, select
from sqlalchemy.orm import Session, aliased, contains_eager

from app.domain.charging.reports import FOUND
from app.domain.ground.vocabulary import AlertKind
from app.domain.network import presence
from app.domain.network.connections import MANY
from app.domain.office.alerts import Condition, Look
from app.domain.office.housekeeping import BILLS, MAIL, SWEEP
from app.domain.trust import certificates
from app.models import (
    ApiToken,
    ChargingSession,
    HandshakeAttempt,
    Review,
    Station,
    SystemMark,
    User,
    WebhookEndpoint,
)
from app.models.sessions import RUNNING
from app.queries.office import attention
from app.queries.office import attention_devices as devices
from app.queries.office import attention_money as money

#: Of one kind there are not more alerts than this: whoever has so many has one problem.
MOST = 2000
#: A sweep that is so late is not done; beat asks for one every few seconds.
SWEEP_LATE = timedelta(minutes=5)
#: What is only known while a worker holds the stations: without one it stays as it is.
_HEARD = frozenset({AlertKind.STATION_OFFLINE, AlertKind.CONNECTOR_FAULTED})
#: What a charger, or whoever knocks, can make any number of: were none of it over while there is
#: too much of it, ever more of it would be open.
_UNBOUNDED = frozenset({AlertKind.SECURITY_EVENT, AlertKind.UNKNOWN_CHARGER})

Found = Iterator[Condition]


def look(db: Session, tenant_id: int, reach: Mapping[AlertKind, timedelta], now: datetime) -> Look:
    """Find what there is of these kinds that lasts longer than that, or ends within that time.

    The database session is narrowed to the tenant (`app.web.scope`).
    """
    kinds = set(reach)
    if presence.silence(db, now=now) is not None:
        kinds -= _HEARD
    found: list[Condition] = []
    for kind in sorted(kinds):
        of_kind = list(_FINDERS[kind](db, tenant_id, now, reach[kind]))
        if len(of_kind) >= MOST and kind not in _UNBOUNDED:
            # What was not looked at may go on.
            kinds.remove(kind)
        found += of_kind
    return Look(found, kinds, now)


def _offline(db: Session, _: int, now: datetime, after: timedelta) -> Found:
    for station in db.scalars(devices.missed(db, now, after).limit(MOST)):
        since = station.disconnected_at or station.last_seen_at or now
        yield _of(AlertKind.STATION_OFFLINE, station, f"{station.label} is offline", since)


def _faulted(db: Session, _: int, now: datetime, __: timedelta) -> Found:
    """Also where the station is gone meanwhile: nobody has said that the fault is over."""
    query = devices.faults().add_columns(presence.connected(now)).limit(MOST)
    for one, there in db.execute(query).unique():
        where = f" on connector {one.evse}" if one.evse else ""
        label, figure = one.station.label, one.error_code
        what = f"{label} reports {figure}{where}" if figure else f"{label} reports a fault{where}"
        subject = f"{one.station_id}:{one.evse}:{one.connector}"
        since = one.began_at or now
        found = _of(AlertKind.CONNECTOR_FAULTED, one.station, what, since, subject)
        yield found._replace(remembered=not there)


def _endless(db: Session, _: int, now: datetime, after: timedelta) -> Found:
    query = select(ChargingSession).join(ChargingSession.station)
    query = query.options(contains_eager(ChargingSession.station))
    query = query.where(RUNNING, money.began_before(now - after).is_not(None))
    for one in db.scalars(query.order_by(ChargingSession.id).limit(MOST)):
        what = f"Session {one.id} at {one.station.label} has not stopped"
        yield _of(AlertKind.SESSION_ENDLESS, one.station, what, one.started_at, str(one.id))


def _held(db: Session, _: int, __: datetime, ___: timedelta) -> Found:
    query = select(Review).where(Review.decided_at.is_(None)).order_by(Review.id.desc())
    for one in db.scalars(query.limit(MOST)):
        what = f"The bill of session {one.session_id} is held for review"
        yield Condition(AlertKind.BILL_HELD, str(one.session_id), what, one.opened_at, one.site_id)


def _mail(db: Session, tenant_id: int, now: datetime, _: timedelta) -> Found:
    """Each kind of mail is one condition: a mail about each mail that fails would never end."""
    words = {"failed_receipts": "receipts", "failed_mails": "mails to staff"}
    for one in (*money.failed_receipts(db, tenant_id), *money.failed_mails(db, tenant_id)):
        what = f"Some {words[one.kind]} could not be sent"
        yield Condition(AlertKind.MAIL_FAILED, one.kind, what, one.since or now)
    mark = db.get(SystemMark, MAIL)
    if mark is not None and mark.until and mark.until > now:
        what = f"The mail server is not accepting mail: {mark.sentence}"
        yield Condition(AlertKind.MAIL_FAILED, MAIL, what, mark.since)


def _task(db: Session, _: int, now: datetime, __: timedelta) -> Found:
    bills = db.get(SystemMark, BILLS)
    if bills is not None and not bills.ok:
        yield Condition(AlertKind.TASK_FAILED, BILLS, bills.sentence, bills.since)
    mark = db.get(SystemMark, SWEEP)
    if mark is not None and not mark.ok:
        yield Condition(AlertKind.TASK_FAILED, SWEEP, mark.sentence, mark.since)
    elif mark is not None and mark.at < now - SWEEP_LATE:
        what = "The sweep has not run: bills, receipts and mails are waiting"
        yield Condition(AlertKind.TASK_FAILED, SWEEP, what, mark.at)


def _certificates(db: Session, _: int, now: datetime, within: timedelta) -> Found:
    for row in certificates.running_out(db, now=now, days=within.days)[:MOST]:
        station = getattr(row, "station", None)
        whose = f"of {station.label}" if station is not None else row.name
        tense = "ended" if row.expires_at < now else "ends"
        what = f"The certificate {whose} {tense} on {row.expires_at:%Y-%m-%d}"
        subject = f"{'station' if station is not None else 'root'}:{row.id}"
        site_id, station_id = (station.site_id, station.id) if station else (None, None)
        kind, ends_at = AlertKind.CERTIFICATE_EXPIRING, row.expires_at
        yield Condition(kind, subject, what, now, site_id, station_id, ends_at)


def _tokens(db: Session, _: int, now: datetime, within: timedelta) -> Found:
    """Tokens that end and that no longer-lived one of the same name and person replaces."""
    newer = aliased(ApiToken)
    replaced = newer.expires_at.is_(None) | (newer.expires_at > ApiToken.expires_at)
    query = (
        select(ApiToken)
        .join(ApiToken.user)
        .options(contains_eager(ApiToken.user))
        .where(
            ApiToken.revoked_at.is_(None),
            *(ApiToken.expires_at > now, ApiToken.expires_at <= now + within),
            User.archived_at.is_(None),
            ~exists().where(
                *(newer.user_id == ApiToken.user_id, newer.name == ApiToken.name),
                *(newer.revoked_at.is_(None), replaced),
            ),
        )
    )
    for one in db.scalars(query.order_by(ApiToken.id).limit(MOST)):
        if one.expires_at is not None:
            what = f"The API token {one.name} of {one.user.name} ends on {one.expires_at:%Y-%m-%d}"
            kind, ends_at = AlertKind.TOKEN_EXPIRING, one.expires_at
            yield Condition(kind, str(one.id), what, now, ends_at=ends_at)


def _security(db: Session, tenant_id: int, now: datetime, _: timedelta) -> Found:
    for report, station in db.execute(devices.alarming(tenant_id, now).limit(MOST)):
        what = f"{station.label} {FOUND.get(report.word) or f'reports {report.word}'}"
        kind = AlertKind.SECURITY_EVENT
        yield _of(kind, station, what, report.received_at, str(report.id))


def _unknown(db: Session, tenant_id: int, now: datetime, _: timedelta) -> Found:
    attempt, lone = HandshakeAttempt, money.alone(db)
    query = (
        select(attempt.identity, func.min(attempt.first_at), func.max(attempt.address))
        .where(*attention.still_refused(tenant_id, now, lone), attempt.station_id.is_(None))
        .group_by(attempt.identity)
        .order_by(attempt.identity)
    )
    for identity, since, address in db.execute(query.limit(MOST)):
        what = f"An unknown charger, {identity}, tries to connect from {address}"
        if identity == MANY:
            what = "Many unknown chargers try to connect"
        yield Condition(AlertKind.UNKNOWN_CHARGER, identity, what, since)


def _supply(db: Session, tenant_id: int, now: datetime, _: timedelta) -> Found:
    for one in devices.exceeded(db, tenant_id, now):
        if one.facts["goes_on"]:
            site = one.facts["site"]
            what = f"{site.name} draws more than its supply limit"
            since = one.since or now
            yield Condition(AlertKind.SUPPLY_EXCEEDED, str(site.id), what, since, site.id)


def _worker(db: Session, _: int, now: datetime, __: timedelta) -> Found:
    silence = presence.silence(db, now=now)
    if silence is not None:
        what = "No worker is running: chargers cannot be reached"
        yield Condition(AlertKind.NO_WORKER, "worker", what, silence.since or now)


def _webhooks(db: Session, _: int, __: datetime, ___: timedelta) -> Found:
    query = select(WebhookEndpoint).where(
        WebhookEndpoint.archived_at.is_(None), WebhookEndpoint.disabled_why.is_not(None)
    )
    for one in db.scalars(query.order_by(WebhookEndpoint.id)):
        if one.disabled_at is not None:
            what = f"Deliveries to the webhook {one.name} have stopped. {one.disabled_why}"
            yield Condition(AlertKind.WEBHOOK_GIVEN_UP, str(one.id), what, one.disabled_at)


def _of(
    kind: AlertKind, station: Station, what: str, since: datetime, subject: str = ""
) -> Condition:
    return Condition(kind, subject or str(station.id), what, since, station.site_id, station.id)


_FINDERS: dict[AlertKind, Callable[[Session, int, datetime, timedelta], Iterator[Condition]]] = {
    AlertKind.STATION_OFFLINE: _offline,
    AlertKind.CONNECTOR_FAULTED: _faulted,
    AlertKind.SESSION_ENDLESS: _endless,
    AlertKind.BILL_HELD: _held,
    AlertKind.MAIL_FAILED: _mail,
    AlertKind.TASK_FAILED: _task,
    AlertKind.CERTIFICATE_EXPIRING: _certificates,
    AlertKind.SECURITY_EVENT: _security,
    AlertKind.UNKNOWN_CHARGER: _unknown,
    AlertKind.SUPPLY_EXCEEDED: _supply,
    AlertKind.NO_WORKER: _worker,
    AlertKind.WEBHOOK_GIVEN_UP: _webhooks,
    AlertKind.TOKEN_EXPIRING: _tokens,
}
