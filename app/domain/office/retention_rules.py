"""What is kept how long, and why: housekeeping forgets by this table, and the desk shows it.

A table that is in no rule has its reason in `tests/office/test_growing_tables.py`.
What bills rest on is in no rule that removes anything (docs/adr/evidence-stays.md).
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Flag, auto
from typing import Any

from sqlalchemy import ColumnElement, func, select

from app.domain.device import device_events
from app.domain.ground.texts import N_
from app.domain.ground.vocabulary import ProfileState
from app.domain.office import api_tokens, sent_forms, sign_ins
from app.models import (
    Alert,
    AttentionSeen,
    Authorisation,
    Broadcast,
    BroadcastTarget,
    Command,
    CompositeSchedule,
    Connection,
    DeviceEvent,
    DriverQuestion,
    EvNeeds,
    FileJob,
    HandshakeAttempt,
    IdempotencyKey,
    Job,
    Message,
    MeterReading,
    NotedFault,
    OneTimeLink,
    OutgoingMail,
    Reservation,
    SentForm,
    SignIn,
    StationProfile,
    StationReport,
    SupplyExcess,
    WebhookDelivery,
    WorkerNode,
)


class Is(Flag):
    """What is true of a kind of rows: it tells of drivers, or no index knows the rows' age.

    The oldest of the latter are those of the least ids.
    """

    NEITHER = 0
    PERSONAL = auto()
    IN_ORDER = auto()


@dataclass(frozen=True, slots=True)
class Rule:
    """One kind of rows, kept for so long, or for the days that the setting of that name says.

    `since` is what its age counts from, of the table `of` where that is no column of its own;
    None: not removed here.  `only` is what else is true of those that go, given the moment before
    which they are old.
    """

    name: str
    since: Any
    kept: timedelta | str | None
    marks: Is
    title: str
    why: str
    only: Callable[[datetime], ColumnElement[bool]] | None = None
    of: Any = None

    @property
    def table(self) -> Any:
        """The table whose rows go."""
        return self.of or self.since.class_

    @property
    def setting(self) -> str:
        """The setting that says how long it is kept, if one does."""
        return self.kept if isinstance(self.kept, str) else ""

    @property
    def personal(self) -> bool:
        """Whether it tells of drivers."""
        return Is.PERSONAL in self.marks

    @property
    def in_order(self) -> bool:
        """Whether the oldest are those of the least ids, and no index knows their age."""
        return Is.IN_ORDER in self.marks

    def lasts(self, settings: object) -> timedelta | None:
        """How long it is kept; None: for ever."""
        if isinstance(self.kept, str):
            return timedelta(days=getattr(settings, self.kept))
        return self.kept


#: A target of a broadcast is as old as its broadcast.
_BROADCAST_AT = (
    select(Broadcast.created_at)
    .where(Broadcast.id == BroadcastTarget.broadcast_id)
    .correlate(BroadcastTarget)
    .scalar_subquery()
)
_DAYS_30, _YEAR = timedelta(days=30), timedelta(days=365)
RULES = (
    Rule(
        *("messages", Message.at, "message_retention_days", Is.PERSONAL),
        N_("Message log"),
        N_("To find faults. Tags’ numbers stand in it; no bill needs it."),
    ),
    Rule(
        *("taps", Authorisation.at, "tap_retention_days", Is.PERSONAL | Is.IN_ORDER),
        N_("Taps, and how they were answered"),
        N_("To answer who was refused, and why, while somebody may still ask."),
    ),
    Rule(
        *("questions", DriverQuestion.closed_at, "question_retention_days", Is.PERSONAL),
        N_("Questions of drivers, after they are closed"),
        N_("In case that the same is asked again."),
    ),
    Rule(
        *("mails", OutgoingMail.created_at, "mail_retention_days", Is.PERSONAL),
        N_("Addresses and subjects of mails"),
        N_("To see whether a mail arrived. Its text is removed as soon as it is sent."),
    ),
    Rule(
        *("uploads", None, "upload_retention_days", Is.PERSONAL),
        N_("Logs of stations, and what they told of customers"),
        N_("As long as somebody works on the fault that they were fetched for."),
    ),
    Rule(
        *("jobs", Job.ended_at, _DAYS_30, Is.PERSONAL),
        N_("Imports and exports"),
        N_("To see what was done; their files go after a day."),
    ),
    Rule(
        *("webhooks", WebhookDelivery.created_at, _DAYS_30, Is.PERSONAL),
        N_("Deliveries to webhooks"),
        # Longer than any event is found again by those who look for webhooks' events.
        N_("To deliver them again."),
    ),
    Rule(
        *("sign_ins", SignIn.expires_at, sign_ins.KNOWN_FOR, Is.NEITHER),
        N_("Sign-ins of staff, after they ended"),
        N_("Until then they tell whose address is known."),
    ),
    Rule(
        *("links", OneTimeLink.expires_at, timedelta(days=7), Is.NEITHER),
        N_("One-time links, after they ended"),
        N_("To say that a link was used or is too old."),
    ),
    Rule(
        *("keys", IdempotencyKey.created_at, api_tokens.KEPT, Is.NEITHER),
        N_("Answers of the API under a program’s key"),
        N_("So that a request that is sent again is not done again."),
    ),
    Rule(
        *("forms", SentForm.at, sent_forms.KEPT, Is.NEITHER),
        N_("Forms sent on the desk"),
        N_("So that a form that is sent twice is not done twice."),
    ),
    Rule(
        *("attempts", HandshakeAttempt.last_at, _DAYS_30, Is.NEITHER),
        N_("Attempts to connect"),
        N_("To find out why a charger is refused."),
    ),
    Rule(
        *("seen", AttentionSeen.at, _YEAR, Is.NEITHER),
        N_("What staff dismissed on Home"),
        # Longer than anything that may be seen is shown by itself, but for severe events.
        N_("So that it does not come back."),
    ),
    Rule(
        *("alerts", Alert.closed_at, _YEAR, Is.NEITHER),
        N_("Alerts, after they are over"),
        N_("To look back."),
    ),
    Rule(
        *("commands", Command.requested_at, "command_retention_days", Is.PERSONAL | Is.IN_ORDER),
        N_("Orders and their outcomes"),
        N_("To see what a charger was asked; the audit still tells who asked for it."),
        # The ids of those that went are never given again: other rows may still name them.
        only=lambda _: Command.id < select(func.max(Command.id)).scalar_subquery(),
    ),
    Rule(
        *("broadcast_targets", _BROADCAST_AT, "command_retention_days", Is.IN_ORDER),
        N_("Orders to many stations, and their results"),
        N_("As orders to one station."),
        of=BroadcastTarget,
    ),
    Rule(
        *("broadcasts", Broadcast.settled_at, "command_retention_days", Is.NEITHER),
        N_("Orders to many stations: who gave them, to whom"),
        N_("As their results."),
        only=lambda _: (
            ~select(BroadcastTarget.id).where(BroadcastTarget.broadcast_id == Broadcast.id).exists()
            & (Broadcast.id < select(func.max(Broadcast.id)).scalar_subquery())
        ),
    ),
    Rule(
        *("connections", Connection.opened_at, "connection_retention_days", Is.IN_ORDER),
        N_("Connections of chargers, after they ended"),
        N_("To see how steady a charger’s line was."),
        only=lambda before: Connection.closed_at < before,
    ),
    Rule(
        *("nodes", WorkerNode.beat_at, timedelta(days=7), Is.NEITHER),
        N_("Worker processes that are gone"),
        N_("To see which ran lately. One whose messages still wait in its spool stays."),
        only=lambda _: WorkerNode.spooled == 0,
    ),
    Rule(
        *("readings", MeterReading.taken_at, "reading_retention_days", Is.NEITHER),
        N_("Readings outside of sessions"),
        N_("To see what a charger draws while nobody charges. No bill rests on them."),
        # A charger whose clock is far behind tells of long ago, and is heard today.
        only=lambda before: MeterReading.session_id.is_(None) & (MeterReading.received_at < before),
    ),
    Rule(
        *("values", DeviceEvent.received_at, device_events.VALUES_KEPT, Is.IN_ORDER),
        N_("Values that stations tell regularly"),
        N_("To see how they went lately."),
        only=lambda _: device_events.REGULAR,
    ),
    Rule(
        *("events", DeviceEvent.received_at, "event_retention_days", Is.IN_ORDER),
        N_("Events and alarms of stations"),
        N_("To find faults that come again."),
    ),
    Rule(
        *("reports", StationReport.received_at, "event_retention_days", Is.IN_ORDER),
        N_("Boots, logs and other reports of stations"),
        N_("To find faults that come again."),
    ),
    Rule(
        *("profiles", StationProfile.created_at, "profile_retention_days", Is.IN_ORDER),
        N_("Charging profiles that stations no longer hold"),
        N_("To see what limited a session."),
        only=lambda before: (
            StationProfile.state.in_((ProfileState.REJECTED, ProfileState.CLEARED))
            & (func.coalesce(StationProfile.settled_at, StationProfile.created_at) < before)
        ),
    ),
    Rule(
        *("schedules", CompositeSchedule.received_at, "profile_retention_days", Is.IN_ORDER),
        N_("Limits that result from profiles, as stations reported them"),
        N_("As charging profiles."),
    ),
    Rule(
        *("needs", EvNeeds.received_at, "profile_retention_days", Is.PERSONAL | Is.IN_ORDER),
        N_("What cars asked for, and the plans for them"),
        N_("As charging profiles."),
    ),
    Rule(
        *("reservations", Reservation.created_at, "tap_retention_days", Is.PERSONAL | Is.IN_ORDER),
        N_("Reservations, after they ended"),
        N_("To answer a driver who asks about one."),
        only=lambda before: Reservation.settled_at < before,
    ),
    Rule(
        *("transfers", FileJob.created_at, "event_retention_days", Is.IN_ORDER),
        N_("Firmware updates and log uploads that were done"),
        N_("To see which firmware a charger got when."),
        only=lambda before: (FileJob.settled_at < before) & FileJob.stored_as.is_(None),
    ),
    Rule(
        *("faults", NotedFault.noted_at, "event_retention_days", Is.IN_ORDER),
        N_("Faults that were noted, after they were mended"),
        N_("To find faults that come again."),
        only=lambda before: (NotedFault.done_at < before) & NotedFault.photo.is_(None),
    ),
    Rule(
        *("excesses", SupplyExcess.last_at, "event_retention_days", Is.NEITHER),
        N_("Times when a site drew more than its supply allows"),
        N_("To size the supply."),
    ),
    Rule(
        *("evidence", None, None, Is.PERSONAL),
        N_("Sessions with their readings, statuses, bills, receipts and the audit"),
        N_(
            "Tax law asks for bills and what they rest on, mostly for eight or ten years. Nothing "
            "of it is removed; a driver who asks is forgotten instead."
        ),
    ),
)
