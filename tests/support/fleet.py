"""A fleet in a moment: connected stations by the hundred, and what is asked for them."""

import gc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from sqlalchemy import event, insert
from sqlalchemy.orm import Session

from app.domain.ground.vocabulary import SYSTEM, Order
from app.domain.network import presence, sites, tenants
from app.domain.network.connections import Opened, open_all
from app.extensions import db as flask_db
from app.models import Connector, Station
from app.uow import unit_of_work


def connected(
    count: int, *, now: datetime, away: int = 0, prefix: str = "F", **given: Any
) -> list[int]:
    """Make stations at one site, all but the last `away` of them connected; return their ids."""
    with unit_of_work() as db:
        tenant = tenants.first(db, now=now)
        depot = sites.add(
            *(db, SYSTEM, tenant.id),
            name=f"Field {prefix}",
            timezone="UTC",
            currency="EUR",
            now=now,
        )
        rows = [
            _station(f"{prefix}-{number:05}", tenant.id, depot.id, now, given)
            for number in range(count)
        ]
        made = db.scalars(insert(Station).returning(Station.id, sort_by_parameter_order=True), rows)
        ids = list(made)
        plugs = [
            {"station_id": one, "evse": evse, "stale": evse > 0} for one in ids for evse in (0, 1)
        ]
        db.execute(insert(Connector), plugs)
        presence.beat(db, "worker-a", now=now)
        orders = [order.value for order in Order]
        here = ids[: count - away]
        open_all(
            db,
            [Opened(one, "worker-a", "192.0.2.9", "ocpp1.6", orders, None) for one in here],
            now=now,
        )
    return ids


def _station(
    identity: str, tenant_id: int, site_id: int, now: datetime, given: dict[str, Any]
) -> dict[str, Any]:
    return {
        "identity": identity,
        "identity_key": identity.casefold(),
        "tenant_id": tenant_id,
        "site_id": site_id,
        "created_at": now,
        **given,
    }


@contextmanager
def statements(db: Session) -> Iterator[list[str]]:
    """Note what the database is asked meanwhile."""
    asked: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        asked.append(statement)

    engine = db.get_bind()
    event.listen(engine, "before_cursor_execute", note)
    try:
        yield asked
    finally:
        event.remove(engine, "before_cursor_execute", note)


def cost(db: Session, act: Callable[[], object]) -> int:
    """How many statements something takes."""
    with statements(db) as asked:
        act()
    return len(asked)


def asked(client: Any, address: str, **how: Any) -> list[str]:
    """What a page asks of the database the second time: what is kept is kept.

    A row that nobody holds any more is read again.  When that is so is chance where the collector
    of garbage may work in between, so it may not.
    """
    client.get(address, **how)
    flask_db.session.remove()
    gc.disable()
    try:
        for _ in range(2):
            with statements(flask_db.session()) as found:
                answer = client.get(address, **how)
            assert answer.status_code < 400, (address, answer.status_code)
            # Once a minute it is noted that somebody is there: that is the clock's doing.
            if not any(statement.startswith("UPDATE") for statement in found):
                break
    finally:
        gc.enable()
    return found
