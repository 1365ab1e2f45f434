"""The way of a fresh installation to its first receipt: what is done is read off the rows."""

from sqlalchemy import ColumnElement, Select, func, or_, select
from sqlalchemy.orm import Session

from app.domain.ground.vocabulary import ReceiptState, SessionState
from app.domain.network import tenants
from app.models import (
    AttentionSeen,
    Bill,
    ChargingSession,
    Driver,
    Receipt,
    Site,
    Station,
    Tag,
    Tariff,
)

#: The steps in their order: each has a sentence on Home.
STEPS = ("seller", "site", "tariff", "station", "card", "receipt")
#: The kind under which a person has put the steps away for themselves (`AttentionSeen`).
HIDDEN = "first_run"


def open_steps(db: Session, tenant_id: int) -> tuple[str, ...]:
    """Those of `STEPS` that are not done."""
    sent = Receipt.state == ReceiptState.SENT
    there: dict[str, Select[int]] = {
        "site": select(Site.id).where(Site.archived_at.is_(None)),
        "tariff": select(Tariff.id).where(Tariff.archived_at.is_(None), _given()),
        "station": select(Station.id).where(Station.archived_at.is_(None)),
        "card": select(Tag.id).join(Driver).where(Tag.archived_at.is_(None), Driver.email != ""),
        "receipt": select(Receipt.id).join(Bill, Bill.id == Receipt.bill_id).where(sent),
    }
    done = {step for step, query in there.items() if db.scalar(query.limit(1)) is not None}
    if not tenants.lacks_seller(db, tenant_id):
        done.add("seller")
    return tuple(step for step in STEPS if step not in done)


def on_home(db: Session, tenant_id: int, user_id: int) -> tuple[str, ...]:
    """What Home shows of them: nothing once a session has ended here, or to who put them away.

    From then on Home says for itself what holds a bill or a receipt up.
    """
    ended = ChargingSession.state == SessionState.ENDED
    if db.scalar(select(ChargingSession.id).where(ended).limit(1)) is not None:
        return ()
    hidden = select(AttentionSeen.id).where(
        AttentionSeen.tenant_id == tenant_id,
        AttentionSeen.kind == HIDDEN,
        AttentionSeen.subject == str(user_id),
    )
    return () if db.scalar(hidden) is not None else open_steps(db, tenant_id)


def unpriced(db: Session) -> int:
    """How many stations have no tariff of their own, of their site or by default.

    Unless the driver brings one, bills of sessions there are held.
    """
    default = select(Tariff.id).where(Tariff.is_default, Tariff.archived_at.is_(None))
    query = (
        select(func.count(Station.id))
        .join(Site, Site.id == Station.site_id)
        .where(
            Station.archived_at.is_(None),
            Station.tariff_id.is_(None),
            Site.tariff_id.is_(None),
            ~default.exists(),
        )
    )
    return db.scalar(query) or 0


def _given() -> ColumnElement[bool]:
    """A tariff that applies somewhere: by default, at a site or at a station."""
    return or_(
        Tariff.is_default, *(Tariff.id.in_(select(model.tariff_id)) for model in (Site, Station))
    )
