"""Support bundles: a station, or a session with the minutes around it, as one ZIP."""

from flask import Response

from app.api.ground._noun import Ask, File, Noun
from app.domain.ground.vocabulary import Area, Right
from app.models import ChargingSession, Station
from app.queries.network.bundle import Extent
from app.schemas import network as schemas
from app.web import bundle, listing
from app.web.problems import Problem

noun = Noun("support", "What a manufacturer needs to understand a fault, as one file.")
blueprint = noun.blueprint

ZIP = File(
    "application/zip",
    "index.html, about.json and a file of JSON lines for each kind of row; without secrets, names "
    "and e-mail addresses, tags under pseudonyms.",
)


@noun.get(
    "/stations/{station_id}/support-bundle",
    "Read a station’s support bundle",
    right="write",
    answers={200: ZIP},
    query=schemas.SupportBundle,
)
def of_station(ask: Ask, station_id: int) -> Response:
    """Messages, settings, connections, statuses and more of the last days; the audit notes it."""
    station = ask.get(Station, station_id, "station")
    return _sent(ask, bundle.extent(station, now=ask.now, days=ask.query.get("days")))


@noun.get(
    "/sessions/{session_id}/support-bundle",
    "Read a session’s support bundle",
    right="write",
    answers={200: ZIP},
    query=schemas.SessionBundle,
)
def of_session(ask: Ask, session_id: int) -> Response:
    """A session with its readings and bills, and two minutes before and after it."""
    session = ask.get(ChargingSession, session_id, "session")
    return _sent(ask, bundle.extent(session.station, session, now=ask.now))


def _sent(ask: Ask, of: Extent) -> Response:
    cards = bool(ask.query.get("tags"))
    if cards and not ask.caller.may(Area.PRIVACY, Right.READ):
        raise Problem(403, "Only who may see personal data hands on the numbers of tags.")
    name = bundle.name_of(of, ask.now)
    parts = bundle.pack(ask.db, ask.actor, of, now=ask.now, cards=cards)
    return listing.sent(parts, "application/zip", name)
