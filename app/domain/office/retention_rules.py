"""What is kept how long, and why: housekeeping forgets by this table, and the desk shows it.

A table that is in no rule has its reason in `tests/office/test_growing_tables.py`.
What bills rest on is in no rule that removes anything (docs/adr/evidence-stays.md).
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, func, select

from app.domain.device import device_events
from app.domain.ground.texts import N_
from app.domain.ground.vocabulary import ProfileState
from app.domain.office import api_tokens, sign_ins
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
    SignIn,
    StationProfile,
    StationReport,
    SupplyExcess,
    WebhookDelivery,
    WorkerNode,
)


@dataclass(frozen=True, slots=True)
class Rule:
    """One kind of rows: kept for `kept`, or for the days that the setting `setting` says.

    `since` is what its age counts from, of the table `of` where that is no column of its own;
    None: not removed here.  `only` is what else is true of those that go, given the moment before
    which they are old.  `personal`: it tells of drivers.  `in_order`: the oldest are those of the
    least ids, and no index knows their age.
    """

    name: str
    title: str
    why: str
    since: Any = None
    kept: timedelta | None = None
    setting: str = ""
    personal: bool = False
    in_order: bool = False
    only: Callable[[datetime], ColumnElement[bool]] | None = None
    of: Any = None

    @property
    def table(self) -> Any:
        """The table whose rows go."""
        return self.of or self.since.class_

    def lasts(self, settings: object) -> timedelta | None:
        """How long it is kept; None: for ever."""
        return timedelta(days=getattr(settings, self.setting)) if self.setting else self.kept


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
        *("messages", N_("Message log")),
        N_("To find faults. Tags’ numbers stand in it; no bill needs it."),
        since=Message.at,
        setting="message_retention_days",
        personal=True,
    ),
    Rule(
        *("taps", N_("Taps, and how they were answered")),
        N_("To answer who was refused, and why, while somebody may still ask."),
        since=Authorisation.at,
        setting="tap_retention_days",
        personal=True,
        in_order=True,
    ),
    Rule(
        *("questions", N_("Questions of drivers, after they are closed")),
        N_("In case that the same is asked again."),
        since=DriverQuestion.closed_at,
        setting="question_retention_days",
        personal=True,
    ),
    Rule(
        *("mails", N_("Addresses and subjects of mails")),
        N_("To see whether a mail arrived. Its text is removed as soon as it is sent."),
        since=OutgoingMail.created_at,
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
        *("commands", N_("Orders, and what came of them")),
        N_("To see what a charger was asked; the audit still tells who asked for it."),
        since=Command.requested_at,
        setting="command_retention_days",
        personal=True,
        in_order=True,
        # The ids of those that went are never given again: other rows may still name them.
        only=lambda _: Command.id < select(func.max(Command.id)).scalar_subquery(),
    ),
    Rule(
        *("broadcast_targets", N_("Orders to many stations, and their results")),
        N_("As orders to one station."),
        since=_BROADCAST_AT,
        setting="command_retention_days",
        in_order=True,
        of=BroadcastTarget,
    ),
    Rule(
        *("broadcasts", N_("Orders to many stations: who gave them, to whom")),
        N_("As their results."),
        since=Broadcast.settled_at,
        setting="command_retention_days",
        only=lambda _: (
            ~select(BroadcastTarget.id).where(BroadcastTarget.broadcast_id == Broadcast.id).exists()
            & (Broadcast.id < select(func.max(Broadcast.id)).scalar_subquery())
        ),
    ),
    Rule(
        *("connections", N_("Connections of chargers, after they ended")),
        N_("To see how steady a charger’s line was."),
        since=Connection.opened_at,
        setting="connection_retention_days",
        in_order=True,
        only=lambda before: Connection.closed_at < before,
    ),
    Rule(
        *("nodes", N_("Worker processes that are gone")),
        N_("To see which ran lately. One whose messages still wait in its spool stays."),
        *(WorkerNode.beat_at, timedelta(days=7)),
        only=lambda _: WorkerNode.spooled == 0,
    ),
    Rule(
        *("readings", N_("Readings outside of sessions")),
        N_("To see what a charger draws while nobody charges. No bill rests on them."),
        since=MeterReading.taken_at,
        setting="reading_retention_days",
        # A charger whose clock is far behind tells of long ago, and is heard today.
        only=lambda before: MeterReading.session_id.is_(None) & (MeterReading.received_at < before),
    ),
    Rule(
        *("values", N_("Values that stations tell regularly")),
        N_("To see how they went lately."),
        *(DeviceEvent.received_at, device_events.VALUES_KEPT),
        in_order=True,
        only=lambda _: device_events.REGULAR,
    ),
    Rule(
        *("events", N_("Events and alarms of stations")),
        N_("To find faults that come again."),
        since=DeviceEvent.received_at,
        setting="event_retention_days",
        in_order=True,
    ),
    Rule(
        *("reports", N_("Boots, logs and other reports of stations")),
        N_("To find faults that come again."),
        since=StationReport.received_at,
        setting="event_retention_days",
        in_order=True,
    ),
    Rule(
        *("profiles", N_("Charging profiles that stations no longer hold")),
        N_("To see what limited a session."),
        since=StationProfile.created_at,
        setting="profile_retention_days",
        in_order=True,
        only=lambda before: (
            StationProfile.state.in_((ProfileState.REJECTED, ProfileState.CLEARED))
            & (func.coalesce(StationProfile.settled_at, StationProfile.created_at) < before)
        ),
    ),
    Rule(
        *("schedules", N_("What stations said results from their profiles")),
        N_("As charging profiles."),
        since=CompositeSchedule.received_at,
        setting="profile_retention_days",
        in_order=True,
    ),
    Rule(
        *("needs", N_("What cars asked for, and the plans for them")),
        N_("As charging profiles."),
        since=EvNeeds.received_at,
        setting="profile_retention_days",
        personal=True,
        in_order=True,
    ),
    Rule(
        *("reservations", N_("Reservations, after they ended")),
        N_("To answer a driver who asks about one."),
        since=Reservation.created_at,
        setting="tap_retention_days",
        personal=True,
        in_order=True,
        only=lambda before: Reservation.settled_at < before,
    ),
    Rule(
        *("transfers", N_("Updates of firmware and uploads of logs: that they were done")),
        N_("To see which firmware a charger got when."),
        since=FileJob.created_at,
        setting="event_retention_days",
        in_order=True,
        only=lambda before: (FileJob.settled_at < before) & FileJob.stored_as.is_(None),
    ),
    Rule(
        *("faults", N_("Faults that were noted, after they were mended")),
        N_("To find faults that come again."),
        since=NotedFault.noted_at,
        setting="event_retention_days",
        in_order=True,
        only=lambda before: (NotedFault.done_at < before) & NotedFault.photo.is_(None),
    ),
    Rule(
        *("excesses", N_("Times in which a site drew more than its supply gives")),
        N_("To size the supply."),
        since=SupplyExcess.last_at,
        setting="event_retention_days",
        only=lambda before: SupplyExcess.ended_at < before,
    ),
    Rule(
        *("evidence", N_("Sessions with their readings, statuses, bills, receipts and the audit")),
        N_(
            "Tax law asks for bills and what they rest on, mostly for eight or ten years. Nothing "
            "of it is removed; a driver who asks is forgotten instead."
        ),
        personal=True,
    ),
)
