"""The money of a database that `bench.seed` fills: bills with their lines, receipts and reviews."""

from typing import Any

from sqlalchemy import case, literal_column

from app import models
from app.domain.money import billing
from bench.filling import ENERGY, Filling


def bills(made: Filling, version_id: int) -> None:
    """One real bill, and rows like it for all sessions that are billed."""
    n, size = made.n, made.size
    like, line_like = _real_bill(made)
    made.put(
        *(models.Bill, size.sessions, _billed(made)),
        **like,
        id=n + 1,
        tenant_id=made.tenant_id,
        site_id=made.site(),
        session_id=n,
        driver_id=made.holder(),
        sequence=1,
        number=made.text("2024-", 1_000_000 + n),
        tariff_version_id=version_id,
        issued_at=made.ago(made.spread(size.sessions)),
    )
    made.put(
        *(models.BillLine, size.sessions, _billed(made)),
        bill_id=n + 1,
        position=1,
        **line_like,
    )


def _real_bill(made: Filling) -> tuple[dict[str, Any], dict[str, Any]]:
    """Bill the newest session that has ended; what others have of the bill and of its line."""
    db = made.db
    db.connection(execution_options={"write": True})
    ended = db.get_one(models.ChargingSession, made.size.sessions - made.running)
    made_of = billing.issue_all(db, [ended], now=made.now, provisional_hold_h=0)
    bill = made_of.get(ended.id)
    if not isinstance(bill, models.Bill):
        raise SystemExit(f"bench: the real bill is held: {bill and bill.reasons}")
    line = next(line for line in bill.lines if line.kind == "energy")
    money = ("net_minor", "tax_minor", "gross_minor")
    names = ("kind", "label", "parameters", "quantity", "unit", "unit_price", "tax_percent")
    of_line = {name: getattr(line, name) for name in (*names, *money, "evidence")}
    of_bill = {name: getattr(bill, name) for name in ("kind", "currency", "facts", *money)}
    of_bill["energy_wh"] = literal_column(str(ENERGY))
    db.commit()
    return of_bill, of_line


def _billed(made: Filling) -> Any:
    """Which sessions are billed: neither running, nor held, nor the real one."""
    return (made.n < made.size.sessions - made.running) & (made.n % 2_000 != 0)


def receipts(made: Filling) -> None:
    """A receipt for each bill, and what was held for a person."""
    n, size, issued = made.n, made.size, made.ago(made.spread(made.size.sessions))
    shared: dict[str, Any] = {"tenant_id": made.tenant_id, "site_id": made.site()}
    sent = made.rarely("failed", 100, "sent")
    made.put(
        *(models.Receipt, size.sessions, _billed(made)),
        **shared,
        bill_id=n + 1,
        state=sent,
        message_id=made.text("<", n, "@example.org>"),
        recipient=made.text("driver", made.holder(), "@example.org"),
        attempts=1,
        sent_at=issued,
        created_at=issued,
    )
    decided = case((n % 20_000 == 0, None), else_=issued)
    made.put(
        *(models.Review, size.sessions, (n % 2_000 == 0) & (n < size.sessions - made.running)),
        **shared,
        session_id=n,
        reasons=["power_impossible"],
        opened_at=issued,
        decision=case((n % 20_000 == 0, None), else_="approved"),
        decided_at=decided,
    )
