"""Mails in files that name a driver who is forgotten: they go, as the mail server keeps none."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.config import Settings
from app.mails.mail import mail_folder, remove_files
from app.models import Bill, ChargingSession, Forgetting, Receipt


def remove(db: Session, settings: Settings, number: int) -> int:
    """Remove the mails to and of a driver, before the words that they are known by are gone.

    They are known by the address that the driver had last, and by the receipts of their bills,
    wherever these went.  Returns how many.
    """
    row = db.get(Forgetting, number)
    if row is None or row.done_at is not None:
        return 0
    ids = (
        select(Receipt.message_id)
        .join(Bill, Receipt.bill_id == Bill.id)
        .join(ChargingSession, Bill.session_id == ChargingSession.id)
        .where(ChargingSession.driver_id == row.driver_id, Receipt.message_id.is_not(None))
    )
    addresses = [word for word in row.words if "@" in word]
    return remove_files(mail_folder(settings), addresses, [one for one in db.scalars(ids) if one])
