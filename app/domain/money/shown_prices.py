"""Prices that 2.1 stations show and count with are those of now (2.1 I07, I08).

A station keeps the version of a tariff that it was given.  When another one holds at its site it
gets that, or drivers read a price that their bills do not have, and each of them waits for a person
(`other_price_shown`).
"""

from collections import defaultdict
from datetime import datetime

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session, aliased

from app.domain.commands import commands
from app.domain.commands.command_rules import KEPT_UP_WITHIN_S, REFUSED_LATELY
from app.domain.ground.vocabulary import OPEN_STATES, SYSTEM, UNHEARD, Order
from app.domain.money import validity
from app.domain.money.station_tariffs import HELD, obstacle
from app.domain.money.tariffs import from_json
from app.models import Command, Site, Station, StationTariff, TariffVersion


def outdated(db: Session, *, now: datetime) -> list[int]:
    """The default tariffs of connected stations of which another version holds by now.

    Left out is what they cannot count, what they refused lately, and where another one or a
    clearing is on its way.
    """
    other = aliased(TariffVersion)
    comes = (other.created_at >= StationTariff.changed_at) | other.valid_from.is_not(None)
    others = select(other.id).where(
        other.tariff_id == TariffVersion.tariff_id, other.id != TariffVersion.id, comes
    )
    query = (
        select(StationTariff, TariffVersion.tariff_id, Site.timezone)
        .join(TariffVersion, TariffVersion.id == StationTariff.tariff_version_id)
        .join(Station, Station.id == StationTariff.station_id)
        .join(Site, Site.id == Station.site_id)
        .where(
            StationTariff.kind == "default",
            StationTariff.state.in_(HELD),
            Station.connection_id.is_not(None),
            TariffVersion.valid_until.is_not(None) | others.exists(),
            ~_must_wait(now),
        )
        .order_by(StationTariff.id)
    )
    found = db.execute(query).all()
    versions: defaultdict[int, list[TariffVersion]] = defaultdict(list)
    wanted = {tariff_id for _, tariff_id, _ in found}
    for version in db.scalars(select(TariffVersion).where(TariffVersion.tariff_id.in_(wanted))):
        versions[version.tariff_id].append(version)
    held = [
        (row, validity.in_force(versions[tariff_id], now, zone)) for row, tariff_id, zone in found
    ]
    ours = {one for row, one in held if one.id != row.tariff_version_id}
    counted = {one for one in ours if obstacle(from_json(one.definition)) is None}
    return [row.id for row, one in held if one in counted and one.id != row.tariff_version_id]


def _must_wait(now: datetime) -> ColumnElement[bool]:
    """Whether a newer one or a clearing is on its way there, or it was refused lately."""
    newer = aliased(StationTariff)
    refused = (newer.changed_at > now - REFUSED_LATELY) & Command.state.not_in(UNHEARD)
    tried = select(newer.id).outerjoin(Command, Command.id == newer.command_id)
    tried = tried.where(
        newer.station_id == StationTariff.station_id,
        newer.evse.in_((0, StationTariff.evse)),
        newer.id > StationTariff.id,
        (newer.state == "asked") | refused,
    )
    clearing = select(Command.id).where(
        Command.station_id == StationTariff.station_id,
        Command.order == Order.CLEAR_TARIFFS,
        Command.state.in_(OPEN_STATES),
    )
    return tried.exists() | clearing.exists()


def set_again(db: Session, number: int, *, now: datetime) -> Command | None:
    """Set the tariff as it is now; None where that cannot be."""
    row = db.get_one(StationTariff, number)
    version = db.get_one(TariffVersion, row.tariff_version_id)
    arguments = {"tariff_id": version.tariff_id, "connector": row.evse}
    return commands.tried(
        *(db, SYSTEM, row.station, Order.SET_DEFAULT_TARIFF, arguments),
        now=now,
        ttl_s=KEPT_UP_WITHIN_S,
    )
