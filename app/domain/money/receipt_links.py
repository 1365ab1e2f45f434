"""The secret in a receipt's link: which bill it opens, as nobody without the key can write it.

Nothing of it is kept: whoever holds a key reads the bill's number out of it.  The newest key
writes, all of them read, so that a key can be replaced while the links in sent mails go on working.
"""

import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error
from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from app.models import Bill

#: Bytes of the number, covered up, and of the proof.
_NUMBER, _PROOF = 8, 16
#: Characters of a link: as many as those bytes make.
_LONG = 32


def write(keys: Sequence[bytes], bill_id: int) -> str:
    """The secret that opens the receipt of a bill; the same for the same key."""
    proof = _digest(keys[0], b"proof", bill_id.to_bytes(_NUMBER))[:_PROOF]
    covered = _covered(keys[0], proof, bill_id.to_bytes(_NUMBER))
    return urlsafe_b64encode(covered + proof).decode()


def read(keys: Sequence[bytes], secret: str) -> int | None:
    """The bill that a secret opens; None where no key of ours wrote it."""
    if len(secret) != _LONG or not secret.isascii():
        return None
    try:
        raw = urlsafe_b64decode(secret)
    except Error:
        return None
    covered, proof = raw[:_NUMBER], raw[_NUMBER:]
    for key in keys:
        number = _covered(key, proof, covered)
        if hmac.compare_digest(_digest(key, b"proof", number)[:_PROOF], proof):
            return int.from_bytes(number)
    return None


def ends_at(bill: Bill, days: int) -> datetime:
    """When the link of a bill's receipt ends: so many days after it was made, or sent last."""
    sent_at = bill.receipt.sent_at if bill.receipt else None
    return max(bill.issued_at, sent_at or bill.issued_at) + timedelta(days=days)


def bill_of(
    db: Session, keys: Sequence[bytes], secret: str, *, days: int, now: datetime
) -> Bill | None:
    """The bill that a secret opens now; None for a wrong secret and one whose time is over."""
    number = read(keys, secret)
    bill = db.get(Bill, number) if number is not None and number < 2**63 else None
    return bill if bill is not None and now < ends_at(bill, days) else None


def _covered(key: bytes, proof: bytes, number: bytes) -> bytes:
    mask = _digest(key, b"cover", proof)
    return bytes(one ^ other for one, other in zip(number, mask, strict=False))


def _digest(key: bytes, use: bytes, text: bytes) -> bytes:
    return hmac.digest(key, b"receipt " + use + b"\x00" + text, "sha256")
