"""Battery swaps: asked for, and told step by step by the station (2.1 block S)."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.domain.commands.orders.spec import asked
from app.domain.ground import events, texts
from app.domain.ground.vocabulary import Order, Token
from app.models import BatterySwap, Station, Tag


def take_in(
    db: Session,
    station: Station,
    *,
    request_number: int,
    step: str,
    token: Token,
    batteries: Iterable[dict[str, Any]],
    now: datetime,
) -> BatterySwap:
    """Keep one step of a swap: whose it is, and which batteries went in or out.

    A step that is told again is the same row.
    """
    found, request_number = list(batteries), texts.fitting_number(request_number)
    same = db.scalars(
        select(BatterySwap).where(
            BatterySwap.station_id == station.id,
            BatterySwap.request_number == request_number,
            BatterySwap.step == step,
        )
    )
    for row in same:
        if row.batteries == found:
            return row
    tag = db.scalar(select(Tag).where(Tag.tenant_id == station.tenant_id, Tag.key == token.key))
    command = asked(db, station, [Order.REQUEST_BATTERY_SWAP], "number", request_number)
    row = BatterySwap(
        station_id=station.id,
        request_number=request_number,
        step=step,
        token=token.value[:255],
        token_kind=token.kind[:40],
        tag_id=tag.id if tag else None,
        driver_id=tag.driver_id if tag else None,
        command_id=command.id if command else None,
        batteries=found,
        received_at=now,
    )
    db.add(row)
    events.station_changed(db, station)
    return row
