"""Charging profiles at stations: set, cleared, replaced; the id of a row goes over the wire."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.domain.charging import running
from app.domain.commands.orders.spec import Ask, Consequence, Preparation, Prepared, subject_of
from app.domain.ground import events
from app.domain.ground.errors import Invalid, NotFound
from app.domain.ground.vocabulary import Arguments, CommandState, Json, Outcome, ProfileState
from app.domain.limits import profile_documents, profiles
from app.models import ChargingSession, Command, Setpoint, Station, StationProfile

#: States in which a station is believed to hold a profile.
HELD = (ProfileState.ACCEPTED, ProfileState.REPORTED)
KIND = "station_profile"


def prepare_set(ask: Ask) -> Prepared:
    """Make the row of a profile that a station shall get.

    The arguments gain `number`, `profile` (the document as it is sent),
    `begun_at` and, for one session, `transaction_ref`.
    """
    document, profile_id = _wanted(ask.db, ask.station, ask.given)
    session = running.named(ask.db, ask.station, ask.given)
    if session is not None and document["purpose"] == "default":
        # What holds for every session may well hold for one alone.
        document = {**document, "purpose": "session"}
    elif document["purpose"] not in ("session", "priority"):
        session = None
    evse = _evse(document["purpose"], ask.given, session)
    if document["purpose"] == "session" and session is None:
        sentence = "A profile for one session needs a running session."
        raise Invalid(sentence, field="session_id")
    row = _fitted(ask.db, ask.station, document, ask.now, profile_id=profile_id, evse=evse)
    row.session_id = session.id if session else None
    row.number = number_in_place(ask.db, row)
    ask.db.add(row)
    ask.db.flush()
    arguments = {
        **ask.given,
        "connector": evse,
        "number": row.wire_number,
        "profile": row.sent,
        "begun_at": (session.started_at if session else ask.now).isoformat(),
    }
    if session is not None:
        arguments |= {"session_id": session.id, "transaction_ref": session.transaction_ref}
    return Prepared(arguments, f"{KIND}:{row.id}", session.id if session else None)


def for_start(db: Session, station: Station, profile_id: int, evse: int, *, now: datetime) -> Json:
    """What a remote start takes along: {"number", "profile"} of a profile for that session.

    The station binds it to the transaction that it begins, so none is named.
    """
    profile = profiles.of_tenant(db, profile_id, station.tenant_id)
    document = {**profile.document, "purpose": "session"}
    if document["kind"] == "dynamic":
        raise Invalid("A start cannot take a dynamic profile along.", field="profile_id")
    row = _fitted(db, station, document, now, profile_id=profile.id, evse=evse)
    db.add(row)
    db.flush()
    return {"number": row.id, "profile": row.sent}


def _fitted(
    db: Session, station: Station, document: Json, now: datetime, **to: int | None
) -> StationProfile:
    fitted = profiles.fitted(db, station, document, now=now)
    notes = " ".join(fitted.notes) or None
    told = {"document": document, "sent": fitted.document, "sentence": notes, "created_at": now}
    return StationProfile(station_id=station.id, **told, **to)


def brought_along(prepare: Preparation) -> Preparation:
    """Let a remote start take a profile along, where one is named."""

    def prepared(ask: Ask) -> Prepared:
        done = prepare(ask)
        if (profile_id := ask.given.get("profile_id")) is None:
            return done
        evse = int(ask.given.get("connector") or 0)
        more = for_start(ask.db, ask.station, profile_id, evse, now=ask.now)
        return Prepared({**done.arguments, **more}, f"{KIND}:{more['number']}", done.session_id)

    return prepared


def answered_with(consequence: Consequence) -> Consequence:
    """Let a profile share the fate of the start that it came along with."""

    def settled(db: Session, command: Command, outcome: Outcome, now: datetime) -> None:
        consequence(db, command, outcome, now)
        settle_set(db, command, outcome, now)

    return settled


def started(db: Session, command: Command, session: ChargingSession) -> None:
    """Bind the profile that came along with a start to the session that followed it."""
    row = of_subject(db, command)
    if row is not None:
        row.session_id, row.evse = session.id, session.evse
        db.flush()


def settle_set(db: Session, command: Command, outcome: Outcome, now: datetime) -> None:
    """Keep what a station said to a profile, and in which form it was sent at last."""
    row = of_subject(db, command)
    if row is None or row.state is not ProfileState.ASKED:
        return
    row.command_id, row.settled_at = command.id, now
    row.sent = outcome.facts.get("profile") or row.sent
    if outcome.state is CommandState.ACCEPTED:
        row.state = ProfileState.ACCEPTED
        _replace(db, row, now)
    else:
        row.state = ProfileState.REJECTED
        row.sentence = outcome.sentence[:300]
    events.station_changed(db, command.station)


def prepare_clear(ask: Ask) -> Prepared:
    """Find the number under which the station knows the profile that shall go."""
    number = ask.given.get("station_profile_id")
    if number is None:
        return Prepared(ask.given)
    row = of_station(ask.db, ask.station, number)
    if row is None:
        raise NotFound(
            f"{ask.station.identity} has no profile {number}.", field="station_profile_id"
        )
    return Prepared({**ask.given, "number": row.wire_number}, f"{KIND}:{row.id}")


def settle_clear(db: Session, command: Command, outcome: Outcome, now: datetime) -> None:
    """What was cleared is gone; what the station does not know is gone, too."""
    if outcome.state is not CommandState.ACCEPTED and outcome.word != "Unknown":
        return
    one = of_subject(db, command)
    unknown = outcome.word == "Unknown"
    sentence = "The station knew of none such." if unknown else "Cleared."
    found = [one] if one is not None else fitting(db, command.station_id, command.arguments)
    for row in found:
        end(row, sentence, now)
    events.station_changed(db, command.station)


def fitting(db: Session, station_id: int, criteria: Mapping[str, Any]) -> list[StationProfile]:
    """The profiles that a station is believed to hold and that meet some criteria."""
    query = select(StationProfile).where(
        StationProfile.station_id == station_id, StationProfile.state.in_(HELD)
    )
    if criteria.get("connector") is not None:
        query = query.where(StationProfile.evse == criteria["connector"])
    sources = [str(word) for word in criteria.get("sources") or ()]
    if sources:
        query = query.where(StationProfile.source.in_([*sources, *_own(sources)]))
    return [row for row in db.scalars(query) if _meets(row, criteria)]


def _own(sources: Iterable[str]) -> list[str]:
    """What we set ourselves is told as coming from the operator's system."""
    return ["csms"] if "cso" in sources else []


def _meets(row: StationProfile, criteria: Mapping[str, Any]) -> bool:
    document = row.reported or row.sent or row.document
    purpose, level = criteria.get("purpose"), criteria.get("stack_level")
    if purpose and document.get("purpose") != purpose:
        return False
    return level is None or document.get("stack_level") == level


def end(row: StationProfile, sentence: str, now: datetime) -> None:
    """Note that a station does not hold a profile any more, and why."""
    row.state, row.sentence, row.settled_at = ProfileState.CLEARED, sentence[:300], now


def of_station(db: Session, station: Station, number: int) -> StationProfile | None:
    """The profile with our number that a station was given or told of."""
    row = db.get(StationProfile, number)
    return row if row is not None and row.station_id == station.id else None


def of_subject(db: Session, command: Command) -> StationProfile | None:
    """The profile that a command is about."""
    return subject_of(db, command, KIND, StationProfile)


def current(db: Session, station: Station, evse: int | None = None) -> list[StationProfile]:
    """What a station is believed to hold now; a session's profile goes with its session."""
    query = (
        select(StationProfile)
        .outerjoin(ChargingSession, ChargingSession.id == StationProfile.session_id)
        .where(
            StationProfile.station_id == station.id,
            StationProfile.state.in_(HELD),
            ChargingSession.ended_at.is_(None),
        )
        .order_by(StationProfile.id)
    )
    if evse is not None:
        query = query.where(StationProfile.evse.in_([0, evse]))
    return list(db.scalars(query))


def _wanted(db: Session, station: Station, checked: Arguments) -> tuple[Json, int | None]:
    if (profile_id := checked.get("profile_id")) is not None:
        profile = profiles.of_tenant(db, profile_id, station.tenant_id)
        return dict(profile.document), profile.id
    if checked.get("document"):
        return profile_documents.read(checked["document"]), None
    raise Invalid("Choose a profile of the library, or give one.", field="profile_id")


def _evse(purpose: str, checked: Arguments, session: ChargingSession | None) -> int:
    if session is not None and purpose in ("session", "priority"):
        return session.evse
    evse = int(checked.get("connector") or 0)
    if purpose in ("station_max", "generation") and evse:
        sentence = "This profile applies to the whole station: leave the connector out."
        raise Invalid(sentence, field="connector")
    return evse


def number_in_place(db: Session, row: StationProfile) -> int | None:
    """The number of the profile that a new one takes the place of; None where there is none.

    A second one of the same purpose and level must not go out under another number (2.0.1
    K01.FR.06, K01.FR.39); under the same one it replaces the first (K01.FR.05).
    """
    mine = row.sent or row.document
    rows = db.scalars(
        select(StationProfile)
        .where(
            StationProfile.station_id == row.station_id,
            StationProfile.evse == row.evse,
            StationProfile.source == "csms",
            StationProfile.state.in_((*HELD, ProfileState.ASKED)),
            StationProfile.session_id == row.session_id
            if row.session_id is not None
            else StationProfile.session_id.is_(None),
        )
        .order_by(StationProfile.id.desc())
    )
    for other in rows:
        theirs = other.sent or other.document
        if all(theirs.get(name) == mine.get(name) for name in ("purpose", "stack_level")):
            return other.wire_number
    steered = db.scalar(
        select(Setpoint).where(
            Setpoint.station_id == row.station_id,
            Setpoint.evse == row.evse,
            Setpoint.session_id == (row.session_id or 0),
        )
    )
    held = (steered.sent or {}) if steered is not None else {}
    same = all(held.get(name) == mine.get(name) for name in ("purpose", "stack_level"))
    return steered.wire_number if steered is not None and same else None


def _replace(db: Session, row: StationProfile, now: datetime) -> None:
    """A station keeps one profile of a purpose and level at a place: the newest (2.0.1 K01)."""
    mine = row.sent or row.document
    criteria = {
        "connector": row.evse,
        "purpose": mine["purpose"],
        "stack_level": mine["stack_level"],
    }
    for other in fitting(db, row.station_id, criteria):
        same_session = other.session_id == row.session_id
        if other.id != row.id and same_session and other.source == "csms":
            end(other, f"Replaced by profile {row.id}.", now)
    db.flush()
