"""Bills (the CDRs), the review inbox, receipts with a delivery log, and payments at stations."""

from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from sqlalchemy import BigInteger, ForeignKey, Index, String, Text, UniqueConstraint
from sqlalchemy import text as sql
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.domain.ground.vocabulary import BillKind, ReceiptState
from app.models.base import (
    Base,
    BigId,
    Exact,
    Id,
    Minor,
    SiteOwned,
    StationOwned,
    WattHours,
    Word,
    choice,
)

if TYPE_CHECKING:
    from app.models.sessions import ChargingSession
    from app.models.tags import Driver


#: What lists sum up, by currency.
_GROSS = ("currency", "gross_minor")
_SUMMED = (*_GROSS, "energy_wh", "net_minor", "tax_minor", "duration_s")


class BillCounter(Base):
    """The last bill number given in a tenant's year: one row is locked, so none is left out.

    Year 0 counts the places in the tenant's chain of bills.
    """

    __tablename__ = "bill_counters"

    tenant_id: Mapped[int] = mapped_column(BigId, ForeignKey("tenants.id"), primary_key=True)
    year: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    last: Mapped[int]


class Bill(SiteOwned, Base):
    """A bill, the credit that cancels one, or its correction.  Rows are only ever added.

    `sequence` counts within the session: 1 is the bill, 2 the credit of it, 3
    its correction, and so on; the unique pair makes a second bill impossible.
    `driver_id` is whose session it was when it was issued, and whose bill a credit takes back.
    `facts` keeps the energy evidence and the explanation of the price.
    `duration_s` is what its session took, less than nothing on a credit, and nothing where a
    reservation ran out unused; None where an older version issued it during an upgrade.

    A tenant's bills form a chain: `place` counts within it, `proof` holds the
    digests of what the bill rests on, `digest` is that of the bill with its
    lines, its proof and the `previous_digest`.
    """

    __tablename__ = "bills"
    __table_args__ = (
        UniqueConstraint("session_id", "sequence"),
        UniqueConstraint("tenant_id", "number"),
        Index("uq_bills_tenant_id_place", "tenant_id", "place", unique=True),
        # Bills are wide and never change: their sums are read off these two alone.
        Index("ix_bills_issued_sums", "tenant_id", "issued_at", "site_id", "kind", *_SUMMED),
        Index("ix_bills_driver_sums", "driver_id", "issued_at", "tenant_id", "site_id", *_SUMMED),
        Index("ix_bills_session_sums", "session_id", "tenant_id", "site_id", *_GROSS),
    )

    id: Mapped[Id]
    session_id: Mapped[int] = mapped_column(BigId, ForeignKey("charging_sessions.id"))
    driver_id: Mapped[int | None] = mapped_column(BigId)
    sequence: Mapped[int]
    number: Mapped[str] = mapped_column(String(40))
    kind: Mapped[BillKind] = mapped_column(choice(BillKind))
    corrects_id: Mapped[int | None] = mapped_column(BigId, ForeignKey("bills.id"))
    tariff_version_id: Mapped[int | None] = mapped_column(BigId, ForeignKey("tariff_versions.id"))
    currency: Mapped[str] = mapped_column(String(3))
    energy_wh: Mapped[Decimal] = mapped_column(WattHours)
    net_minor: Mapped[Minor]
    tax_minor: Mapped[Minor]
    gross_minor: Mapped[Minor]
    duration_s: Mapped[int | None] = mapped_column(BigInteger)
    reason: Mapped[str | None] = mapped_column(String(300))
    facts: Mapped[dict[str, Any]] = mapped_column(default=dict)
    issued_at: Mapped[datetime]
    issued_by: Mapped[str] = mapped_column(String(120), default="system")
    place: Mapped[int | None]
    proof: Mapped[dict[str, Any] | None]
    previous_digest: Mapped[str | None] = mapped_column(String(64))
    digest: Mapped[str | None] = mapped_column(String(64))

    session: Mapped["ChargingSession"] = relationship(back_populates="bills")
    driver: Mapped["Driver | None"] = relationship(
        primaryjoin="foreign(Bill.driver_id) == Driver.id", viewonly=True
    )
    corrects: Mapped["Bill | None"] = relationship(remote_side="Bill.id")
    lines: Mapped[list["BillLine"]] = relationship(
        back_populates="bill", order_by="BillLine.position"
    )
    receipt: Mapped["Receipt | None"] = relationship(back_populates="bill")

    @staticmethod
    def number_of(year: int, number: int) -> str:
        """What stands on a bill: the year, and which one of the year's it is."""
        return f"{year}-{number:06d}"


class BillLine(Base):
    """One line: what, how much of it, at which price, and the readings behind it."""

    __tablename__ = "bill_lines"
    __table_args__ = (UniqueConstraint("bill_id", "position"),)

    id: Mapped[Id]
    bill_id: Mapped[int] = mapped_column(BigId, ForeignKey("bills.id"))
    position: Mapped[int]
    kind: Mapped[str] = mapped_column(String(40))
    label: Mapped[str] = mapped_column(String(60))
    parameters: Mapped[dict[str, Any]] = mapped_column(default=dict)
    quantity: Mapped[Decimal] = mapped_column(Exact)
    unit: Mapped[str] = mapped_column(String(20))
    unit_price: Mapped[Decimal] = mapped_column(Exact)
    tax_percent: Mapped[Decimal] = mapped_column(Exact)
    net_minor: Mapped[int] = mapped_column(BigInteger)
    tax_minor: Mapped[int] = mapped_column(BigInteger)
    gross_minor: Mapped[int] = mapped_column(BigInteger)
    evidence: Mapped[dict[str, Any]] = mapped_column(default=dict)

    bill: Mapped[Bill] = relationship(back_populates="lines")


class Review(SiteOwned, Base):
    """A session whose bill is held: why, and what a person decided.

    `decision` is approved, corrected, waived or kept (the bill that stood); None while it waits.
    """

    __tablename__ = "reviews"
    __table_args__ = (Index("ix_reviews_tenant_decided", "tenant_id", "decided_at"),)

    id: Mapped[Id]
    session_id: Mapped[int] = mapped_column(BigId, ForeignKey("charging_sessions.id"), unique=True)
    reasons: Mapped[list[Any]]
    opened_at: Mapped[datetime]
    decision: Mapped[str | None] = mapped_column(String(20))
    note: Mapped[str | None] = mapped_column(String(500))
    corrected_energy_wh: Mapped[Decimal | None] = mapped_column(WattHours)
    decided_at: Mapped[datetime | None]
    decided_by: Mapped[str | None] = mapped_column(String(120))

    session: Mapped["ChargingSession"] = relationship()


class Receipt(SiteOwned, Base):
    """The mail of a bill: one row per bill, claimed before it is sent."""

    __tablename__ = "receipts"
    __table_args__ = (
        Index("ix_receipts_tenant_sent", "tenant_id", "sent_at"),
        # A state of which there are few, and an address, however many receipts there are.
        Index("ix_receipts_state_bill", "state", "tenant_id", "bill_id"),
        Index("ix_receipts_recipient", "recipient"),
    )

    id: Mapped[Id]
    bill_id: Mapped[int] = mapped_column(BigId, ForeignKey("bills.id"), unique=True)
    state: Mapped[ReceiptState] = mapped_column(choice(ReceiptState), default=ReceiptState.QUEUED)
    recipient: Mapped[str | None] = mapped_column(String(254))
    language: Mapped[str] = mapped_column(String(8), default="en")
    message_id: Mapped[str] = mapped_column(String(200))
    attempts: Mapped[int] = mapped_column(default=0)
    next_try_at: Mapped[datetime | None]
    claimed_at: Mapped[datetime | None]
    sent_at: Mapped[datetime | None]
    error: Mapped[str | None] = mapped_column(String(300))
    created_at: Mapped[datetime]

    bill: Mapped[Bill] = relationship(back_populates="receipt")
    deliveries: Mapped[list["Delivery"]] = relationship(
        back_populates="receipt", order_by="Delivery.id"
    )

    @property
    def session_id(self) -> int:
        """The session whose bill it is of."""
        return self.bill.session_id


class Delivery(Base):
    """One line of a receipt's delivery log."""

    __tablename__ = "deliveries"

    id: Mapped[Id]
    receipt_id: Mapped[int] = mapped_column(BigId, ForeignKey("receipts.id"), index=True)
    at: Mapped[datetime]
    event: Mapped[str] = mapped_column(String(40))
    detail: Mapped[str] = mapped_column(String(500), default="")

    receipt: Mapped[Receipt] = relationship(back_populates="deliveries")


class DriverQuestion(SiteOwned, Base):
    """What a driver asked about a bill on the receipt's page, and what was answered by mail.

    `recipient` and `language` are those of the receipt; open while `closed_at` is None.
    """

    __tablename__ = "driver_questions"
    __table_args__ = (
        # Those that wait are few among many.
        Index(
            *("ix_driver_questions_open", "tenant_id", "asked_at"),
            sqlite_where=sql("closed_at IS NULL"),
            postgresql_where=sql("closed_at IS NULL"),
        ),
    )

    id: Mapped[Id]
    bill_id: Mapped[int] = mapped_column(BigId, ForeignKey("bills.id"), index=True)
    text: Mapped[str] = mapped_column(Text)
    recipient: Mapped[str] = mapped_column(String(254))
    language: Mapped[str] = mapped_column(String(8), default="en")
    asked_at: Mapped[datetime]
    answer: Mapped[str | None] = mapped_column(Text)
    answered_at: Mapped[datetime | None]
    closed_at: Mapped[datetime | None]
    closed_by: Mapped[str | None] = mapped_column(String(120))

    bill: Mapped[Bill] = relationship()


# Payments that were settled at a station's own terminal or by a web payment (2.1 block C).


class Settlement(StationOwned, Base):
    """What a payment provider settled; told again, it is the same row.

    `state` is settled, cancelled, rejected or failed; `amount` is in the major
    unit of the session's currency.  `receipt_key` is the secret by which its driver
    reads the receipt at the desk, where the station leaves that to us.
    """

    __tablename__ = "settlements"
    __table_args__ = (
        UniqueConstraint("station_id", "psp_reference"),
        Index("uq_settlements_receipt_key", "receipt_key", unique=True),
    )

    id: Mapped[Id]
    psp_reference: Mapped[str] = mapped_column(String(255))
    session_id: Mapped[int | None] = mapped_column(BigId, index=True)
    transaction_ref: Mapped[str | None] = mapped_column(String(64))
    state: Mapped[Word]
    info: Mapped[str | None] = mapped_column(String(500))
    amount: Mapped[Decimal] = mapped_column(Exact)
    settled_at: Mapped[datetime]
    receipt_number: Mapped[str | None] = mapped_column(String(50))
    receipt_url: Mapped[str | None] = mapped_column(Text)
    company: Mapped[dict[str, Any] | None]
    vat_number: Mapped[str | None] = mapped_column(String(20))
    receipt_key: Mapped[str | None] = mapped_column(String(64))
    received_at: Mapped[datetime]
