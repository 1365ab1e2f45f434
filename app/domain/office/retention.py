"""What is kept how long, and why: housekeeping forgets by this table, and the desk shows it.

What bills rest on is in no rule that removes anything (docs/adr/evidence-stays.md).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from app.domain.device import device_events
from app.domain.ground.texts import N_
from app.domain.office import api_tokens, sign_ins
from app.models import (
    Alert,
    AttentionSeen,
    Authorisation,
    DriverQuestion,
    HandshakeAttempt,
    IdempotencyKey,
    Job,
    Message,
    OneTimeLink,
    OutgoingMail,
    SignIn,
    SystemMark,
    WebhookDelivery,
)

#: Rows of a table removed in one unit of work, so that nobody waits long for its lock.
_MOST = 5000
#: How the marks of what was removed last are called.
_MARK = "forgot {name}"


@dataclass(frozen=True, slots=True)
class Rule:
    """One kind of rows: kept for `kept`, or for the days that the setting `setting` says.

    `since` is the column that its age counts from; None: not removed here.  `personal`: it tells
    of drivers.  `in_order`: the oldest are those of the least ids, and no index knows their age.
    """

    name: str
    title: str
    why: str
    since: Any = None
    kept: timedelta | None = None
    setting: str = ""
    personal: bool = False
    in_order: bool = False

    def lasts(self, settings: object) -> timedelta | None:
        """How long it is kept; None: for ever."""
        return timedelta(days=getattr(settings, self.setting)) if self.setting else self.kept


_DAYS_30, _YEAR = timedelta(days=30), timedelta(days=365)
RULES = (
    Rule(
        *("messages", N_("Message log")),
        N_("To find faults. Tags’ numbers stand in it; no bill needs it."),
        *(Message.at, _DAYS_30),
        setting="message_retention_days",
        personal=True,
    ),
    Rule(
        *("taps", N_("Taps, and how they were answered")),
        N_("To answer who was refused, and why, while somebody may still ask."),
        *(Authorisation.at, _YEAR * 3),
        setting="tap_retention_days",
        personal=True,
        in_order=True,
    ),
    Rule(
        *("questions", N_("Questions of drivers, after they are closed")),
        N_("In case that the same is asked again."),
        *(DriverQuestion.closed_at, _YEAR * 2),
        setting="question_retention_days",
        personal=True,
    ),
    Rule(
        *("mails", N_("Addresses and subjects of mails")),
        N_("To see whether a mail arrived. Its text is removed as soon as it is sent."),
        *(OutgoingMail.created_at, _DAYS_30),
        setting="mail_retention_days",
        personal=True,
    ),
    Rule(
        *("uploads", N_("Logs of stations, and what they told of customers")),
        N_("As long as somebody works on the fault that they were fetched for."),
        setting="upload_retention_days",
        personal=True,
    ),
    Rule(
        *("jobs", N_("Imports and exports")),
        N_("To see what was done; their files go after a day."),
        *(Job.ended_at, _DAYS_30),
        personal=True,
    ),
    Rule(
        *("webhooks", N_("Deliveries to webhooks")),
        # Longer than any event is found again by those who look for webhooks' events.
        N_("To deliver them again."),
        *(WebhookDelivery.created_at, _DAYS_30),
        personal=True,
    ),
    Rule(
        *("sign_ins", N_("Sign-ins of staff, after they ended")),
        N_("Until then they tell whose address is known."),
        *(SignIn.expires_at, sign_ins.KNOWN_FOR),
    ),
    Rule(
        *("links", N_("One-time links, after they ended")),
        N_("To say that a link was used or is too old."),
        *(OneTimeLink.expires_at, timedelta(days=7)),
    ),
    Rule(
        *("keys", N_("Answers of the API under a program’s key")),
        N_("So that a request that is sent again is not done again."),
        *(IdempotencyKey.created_at, api_tokens.KEPT),
    ),
    Rule(
        *("attempts", N_("Attempts to connect")),
        N_("To find out why a charger is refused."),
        *(HandshakeAttempt.last_at, _DAYS_30),
    ),
    Rule(
        *("seen", N_("What staff put away on Home")),
        # Longer than anything that may be seen is shown by itself, but for severe events.
        N_("So that it does not come back."),
        *(AttentionSeen.at, _YEAR),
    ),
    Rule(
        *("alerts", N_("Alerts, after they are over")),
        N_("To look back."),
        *(Alert.closed_at, _YEAR),
    ),
    Rule(
        *("evidence", N_("Sessions, readings, bills, receipts and the audit")),
        N_(
            "Tax law asks for bills and what they rest on, mostly for eight or ten years. Nothing "
            "of it is removed; a driver who asks is forgotten instead."
        ),
        personal=True,
    ),
)


def forget_old(db: Session, *, now: datetime, settings: object = None) -> bool:
    """Remove what is old; tells whether there may be more, for another unit of work."""
    more = False
    for rule in RULES:
        kept = rule.kept if settings is None else rule.lasts(settings)
        if rule.since is None or kept is None:
            continue
        gone: Any = db.execute(delete(rule.since.class_).where(_old(rule, now - kept)))
        if gone.rowcount:
            _note(db, rule, gone.rowcount, now)
        more |= gone.rowcount >= _MOST
    device_events.forget_old(db, now=now)
    return more


def _old(rule: Rule, before: datetime) -> Any:
    number, since = rule.since.class_.id, rule.since
    if not rule.in_order:
        return number.in_(select(number).where(since < before).limit(_MOST))
    first = select(number.label("id"), since.label("at")).order_by(number).limit(_MOST).subquery()
    return number.in_(select(first.c.id).where(first.c.at < before))


def _note(db: Session, rule: Rule, count: int, now: datetime) -> None:
    """Note how many went, and when; of one round it is the sum."""
    part = _MARK.format(name=rule.name)
    mark = db.get(SystemMark, part)
    if mark is None:
        mark = SystemMark(part=part, at=now, since=now, ok=True, sentence="0")
        db.add(mark)
    before = int(mark.sentence) if mark.at == now else 0
    mark.at, mark.sentence = now, str(before + count)
    db.flush()


def removed_last(db: Session) -> Mapping[str, SystemMark]:
    """By the name of each rule: when something was removed last (`at`), and how much."""
    parts = {_MARK.format(name=rule.name): rule.name for rule in RULES}
    marks = db.scalars(select(SystemMark).where(SystemMark.part.in_(parts)))
    return {parts[mark.part]: mark for mark in marks}
