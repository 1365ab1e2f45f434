"""Broadcasts: one order to many stations, paced, with a result for each."""

from typing import Any

from sqlalchemy import Select, select

from app.api.commands import _typed
from app.api.commands.orders import wanted
from app.api.ground import _lists, _rows
from app.api.ground._noun import Ask, Noun, Reply, made_at
from app.api.ground._paging import Page, Pages
from app.api.ground._rows import blotted
from app.domain.commands import broadcasts
from app.domain.ground.errors import Forbidden, Invalid, NotFound
from app.domain.ground.vocabulary import Json
from app.domain.network.presence import connected
from app.extensions import the_settings
from app.models import Broadcast, BroadcastTarget, Station
from app.queries.commands import commands as queries
from app.schemas import commands as schemas
from app.schemas.answers import plain, read
from app.uow import unit_of_work

noun = Noun("broadcasts", "One order to many stations.")

BROADCAST = _rows.answer(
    "Broadcast",
    "An order to every station that a filter found. `tally` counts the stations by state.",
    Broadcast,
    without=("goes_to",),
    arguments=read(Json, lambda row: blotted(row.arguments)),
    tally=read(Json, lambda row: row.counted, "State: number of stations."),
)
TARGET = _rows.answer(
    "BroadcastTarget",
    "One station of a broadcast: waiting, under_way, skipped, cancelled, or as its order ended.",
    BroadcastTarget,
    renamed={"command_id": "order_id"},
)
_EQUAL = ("site_id", "protocol", "vendor", "model", "firmware")


def _chosen(ask: Ask, chosen: Json) -> Select[Any]:
    query = select(Station.id).where(Station.archived_at.is_(None))
    if "station_ids" in chosen:
        query = query.where(Station.id.in_(chosen["station_ids"]))
    for name in _EQUAL:
        if name in chosen:
            query = query.where(getattr(Station, name) == chosen[name])
    if "connected" in chosen:
        there = connected(ask.now)
        query = query.where(there if chosen["connected"] else ~there)
    return query


def _counted(ask: Ask, row: Broadcast) -> Broadcast:
    row.counted = dict(broadcasts.tally(ask.db, row))  # type: ignore[attr-defined]
    return row


@noun.post(
    "/broadcasts",
    "Give an order to many stations",
    body=schemas.NewBroadcast,
    forms=_typed.of_many(),
    answers={202: BROADCAST},
)
def create(ask: Ask) -> Reply:
    """Begin to give an order; stations that are not connected are skipped, and told so."""
    given = dict(ask.body)
    chosen = {name: given.pop(name) for name in schemas.Chosen.model_fields if name in given}
    at_once, stop_percent = given.pop("at_once", 10), given.pop("stop_percent", None)
    order, arguments = wanted(given)
    ttl_s = given.get("expires_in_s") or the_settings().command_ttl_s
    with unit_of_work() as db:
        stations = db.scalars(_chosen(ask, chosen).order_by(Station.id)).all()
        if missing := set(chosen.get("station_ids", ())) - set(stations):
            raise Invalid(f"There is no station {min(missing)} here.", field="station_ids")
        row = broadcasts.start(
            *(db, ask.actor, ask.tenant_id, stations, order, arguments),
            now=ask.now,
            ttl_s=ttl_s,
            at_once=at_once,
            stop_percent=stop_percent,
            chosen_by=plain(chosen),
        )
    return made_at("/broadcasts", _counted(ask, row), 202)


@noun.get(
    "/broadcasts",
    "List broadcasts",
    answers={200: Pages(BROADCAST)},
    query=schemas.Broadcasts,
)
def list_(ask: Ask) -> Page:
    """What was asked of many stations, the newest first."""
    query = queries.in_reach()
    if "state" in ask.query:
        query = query.where(Broadcast.state == ask.query["state"])
    page = ask.page(query, Broadcast.id)
    for row in page.rows:
        _counted(ask, row)
    return page


def _broadcast(ask: Ask, broadcast_id: int) -> Broadcast:
    row = queries.broadcast(ask.db, broadcast_id) if broadcast_id < 2**63 else None
    if row is None:
        raise NotFound("There is no such broadcast.")
    return row


def _changeable(ask: Ask, broadcast_id: int) -> Broadcast:
    """A broadcast that this token may change: it reaches all sites, or its person began it."""
    row = _broadcast(ask, broadcast_id)
    if ask.caller.scope.site_ids is not None and row.user_id != ask.caller.user_id:
        raise Forbidden("It reaches beyond your sites: whoever began it can change it.")
    return row


noun.show(
    *("/broadcasts/{broadcast_id}", "Read a broadcast", "One broadcast and how far it got."),
    *(BROADCAST, _broadcast),
    seen=_counted,
)
_lists.hang(
    *(noun, "/broadcasts/{broadcast_id}/stations", "List a broadcast’s stations"),
    "Every station of a broadcast with its result.",
    *(BroadcastTarget, TARGET),
    name="targets",
    of=(BroadcastTarget.broadcast_id, _broadcast),
    asked=schemas.Targets,
    newest=False,
)
noun.decide(
    "/broadcasts/{broadcast_id}/cancel",
    "Cancel a broadcast",
    "Send no more of it; what is under way is waited for.",
    *(BROADCAST, _changeable, broadcasts.cancel),
    seen=_counted,
)
noun.decide(
    "/broadcasts/{broadcast_id}/retry",
    "Repeat a broadcast",
    "Give the order again to those that failed or were not reached, as a new broadcast.",
    *(BROADCAST, _changeable, broadcasts.retry),
    seen=_counted,
    makes="/broadcasts",
    status=202,
)
