"""Tariffs that 2.1 stations know themselves: set, changed for a session, read, cleared (2.1 I).

What a station computes is for its display and its receipt; what a driver pays
is what our own tariff says.  So a station gets a tariff only where it can say
all of it.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.domain.access import authorisation
from app.domain.access.authorisation import Tap
from app.domain.access.tag_rows import TagRow
from app.domain.charging import running
from app.domain.charging.sessions.row import flag, mark_late
from app.domain.commands.orders.spec import Ask, Prepared, subject_of
from app.domain.ground import events
from app.domain.ground.errors import Conflict, NotFound
from app.domain.ground.vocabulary import CommandState, Decision, Json, Outcome
from app.domain.money import tariff_choice, validity
from app.domain.money.tariff_choice import misfit
from app.domain.money.tariffs import NO_SHOW_KINDS, Kind, Tariff, from_json
from app.domain.money.validity import OTHER_PRICE, number_of
from app.models import ChargingSession, Command, Station, StationTariff, TariffVersion
from app.models import Tariff as TariffRow

HELD = ("accepted", "reported")


def obstacle(tariff: Tariff) -> str | None:
    """Why a station cannot compute a tariff as we do, in a sentence; None where it can."""
    # What a reservation costs that runs out unused, we alone charge.
    charged = [each for each in tariff.components if each.kind not in NO_SHOW_KINDS]
    for component in charged:
        if component.kind is Kind.CONNECTED_TIME:
            return "It charges for connected time, which stations do not count."
        if component.step > 1:
            return "It charges whole steps, which stations do not do."
    for kind in Kind:
        taxes = {tariff.tax_percent_of(each) for each in charged if each.kind is kind}
        if len(taxes) > 1:
            words = kind.value.replace("_", " ")
            return f"Its prices for {words} have several taxes, and a station knows one for each."
    if not charged:
        return "It charges nothing."
    return None


def prepare_default(ask: Ask) -> Prepared:
    """Make the row of a default tariff; the arguments gain its name and its document."""
    version = _version(ask, ask.station.site.currency)
    row = _row(ask, version, "default", int(ask.given.get("connector") or 0))
    return Prepared({**ask.given, **_document(version)}, f"station_tariff:{row.id}")


def prepare_change(ask: Ask) -> Prepared:
    """Make the row of another tariff for a running session; it stays in its currency (I11)."""
    session = running.needed(ask.db, ask.station, ask.given)
    version = _version(ask, session.currency)
    row = _row(ask, version, "session", session.evse)
    named = {"session_id": session.id, "transaction_ref": session.transaction_ref}
    arguments = {**ask.given, **_document(version), **named}
    return Prepared(arguments, f"station_tariff:{row.id}", session.id)


@dataclass(frozen=True, slots=True)
class PricedTap:
    """What was decided about a tap, and the price of their own with which a driver charges here.

    `own` is its number, name and document; None where none is set for the driver or the group,
    or the station cannot compute it.
    """

    decision: Decision
    own: Json | None = None


def decide_all(db: Session, taps: Sequence[Tap]) -> list[PricedTap]:
    """Decide about taps and store the decisions (`authorisation`); find the drivers' own prices."""
    judged = authorisation.judge(db, taps)
    authorisation.keep(db, judged)
    own = {at: tag for at, one in enumerate(judged) if (tag := one.tag) and _own_prices(tag)}
    stations = [judged[at].tap.station for at in own]
    prices = tariff_choice.Prices(db, stations, own.values()) if own else None
    priced = []
    for at, one in enumerate(judged):
        told = _own(db, prices, one.tap, own[at]) if prices and at in own else None
        priced.append(PricedTap(one.decision, told))
    return priced


def _own_prices(tag: TagRow) -> set[int]:
    holders = (tag.driver, tag.group)
    return {holder.tariff_id for holder in holders if holder and holder.tariff_id is not None}


def _own(db: Session, prices: tariff_choice.Prices, tap: Tap, tag: TagRow) -> Json | None:
    choice = tariff_choice.applicable(prices, tap.station, tag, tap.now)
    version = db.get(TariffVersion, choice.version_id) if choice.version_id else None
    if version is None or version.tariff_id not in _own_prices(tag):
        return None
    return None if obstacle(from_json(version.definition)) else _document(version)


def settle_set(db: Session, command: Command, outcome: Outcome, now: datetime) -> None:
    """Keep what a station said to a tariff; a new default takes the place of the last."""
    row = subject_of(db, command, "station_tariff", StationTariff)
    if row is None:
        return
    row.command_id = command.id
    accepted = outcome.state is CommandState.ACCEPTED
    _move(row, "accepted" if accepted else "rejected", outcome.sentence, now)
    if accepted and row.kind == "session" and command.session_id is not None:
        # Its bill has the price of the start, all the way: of another, a person decides.
        session = db.get_one(
            ChargingSession, command.session_id, with_for_update=True, populate_existing=True
        )
        if row.tariff_version_id != session.tariff_version_id:
            flag(session, OTHER_PRICE)
            mark_late(db, session, now)
    if accepted and row.kind == "default":
        for other in _held(db, row.station_id):
            same = other.kind == "default" and (row.evse == 0 or other.evse == row.evse)
            if same and other.id != row.id:
                _move(other, "cleared", "Replaced by another tariff.", now)
    events.station_changed(db, command.station)


def settle_read(db: Session, command: Command, outcome: Outcome, now: datetime) -> None:
    """Compare what a station holds with what we believe it holds."""
    told = outcome.facts.get("tariffs")
    if told is None:
        return
    evse = command.arguments.get("connector") or 0
    seen = set()
    for item in told:
        for place in item["evses"] or [0]:
            seen.add((item["number"], place))
            _report(db, command.station, item, place, now)
    names = {number for number, _ in seen}
    for row in _held(db, command.station_id):
        inside = not evse or row.evse in (0, evse)
        if inside and row.kind != "session" and row.number not in names:
            _move(row, "cleared", "The station does not report it any more.", now)
    events.station_changed(db, command.station)


def settle_clear(db: Session, command: Command, outcome: Outcome, now: datetime) -> None:
    """What a station cleared, or never had, is gone."""
    for item in outcome.facts.get("cleared") or ():
        for row in _held(db, command.station_id):
            if item["gone"] and item["number"] in (None, row.number):
                _move(row, "cleared", "Cleared.", now)
    events.station_changed(db, command.station)


def current(db: Session, station: Station) -> list[StationTariff]:
    """The tariffs that a station is believed to hold, or was asked to."""
    query = select(StationTariff).where(
        StationTariff.station_id == station.id, StationTariff.state != "cleared"
    )
    return list(db.scalars(query.order_by(StationTariff.evse, StationTariff.id)))


def _version(ask: Ask, currency: str) -> TariffVersion:
    tariff_id, tenant_id = ask.given["tariff_id"], ask.station.tenant_id
    query = select(TariffRow).where(TariffRow.id == tariff_id, TariffRow.tenant_id == tenant_id)
    tariff = ask.db.scalar(query)
    if tariff is None or not tariff.versions:
        raise NotFound(f"There is no tariff {tariff_id}.", field="tariff_id")
    reason = misfit(tariff, tenant_id, (currency,))
    if reason is not None:
        raise Conflict(reason, field="tariff_id")
    version = validity.in_force(tariff.versions, ask.now, ask.station.site.timezone)
    reason = obstacle(from_json(version.definition))
    if reason is not None:
        sentence = f"{tariff.name} cannot be put on a station. {reason}"
        raise Conflict(sentence, field="tariff_id")
    return version


def _document(version: TariffVersion) -> Json:
    return {
        "number": number_of(version),
        "name": version.tariff.name,
        "document": version.definition,
    }


def _row(ask: Ask, version: TariffVersion, kind: str, evse: int) -> StationTariff:
    row = StationTariff(
        station_id=ask.station.id,
        evse=evse,
        number=number_of(version),
        kind=kind,
        tariff_version_id=version.id,
        document=version.definition,
        changed_at=ask.now,
    )
    ask.db.add(row)
    ask.db.flush()
    return row


def _report(
    db: Session, station: Station, item: Mapping[str, Any], evse: int, now: datetime
) -> None:
    held = [row for row in _held(db, station.id) if row.number == item["number"]]
    if any(row.evse in (0, evse) for row in held):
        return
    row = StationTariff(
        station_id=station.id,
        evse=evse,
        number=str(item["number"])[:60],
        kind=item["kind"],
        document={},
        state="reported",
        changed_at=now,
    )
    db.add(row)
    db.flush()


def _held(db: Session, station_id: int) -> Iterable[StationTariff]:
    query = select(StationTariff).where(
        StationTariff.station_id == station_id, StationTariff.state.in_(HELD)
    )
    return db.scalars(query).all()


def _move(row: StationTariff, state: str, sentence: str, now: datetime) -> None:
    row.state, row.sentence, row.changed_at = state, sentence[:300], now
