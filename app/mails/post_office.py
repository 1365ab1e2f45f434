"""Takes receipts and other mails from their rows to the mail server, each once.

The order of steps is the point: reach the server and announce the address
while the row still waits; claim the row and commit; only then hand the mail
over; then note the outcome.  Whoever is killed leaves rows that either still
wait (nothing was sent) or are claimed (nobody sends them again unasked).

Mails go in sets: read and written together, sent over one connection one after
another.  The outcome of each is noted with the claim of the next, so a mail
costs one unit of work, and whoever is killed leaves no more than one in doubt.
"""

import functools
import logging
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy.exc import InterfaceError, OperationalError, PendingRollbackError
from sqlalchemy.orm import Session

from app.config import Settings
from app.domain.ground.vocabulary import ReceiptState
from app.domain.money import receipts
from app.domain.office import outbox
from app.extensions import db as flask_db
from app.mails import mail
from app.mails.mail import FilePost, Mail, Post, Refused, Unclear
from app.mails.smtp import SmtpPost
from app.models import Job, OutgoingMail, Receipt
from app.process import traces
from app.text import letters
from app.uow import unit_of_work
from app.web.file_store import EXPORTS, Store

log = logging.getLogger(__name__)

Clock = Callable[[], datetime]
#: Notes in the database what became of a mail.
Outcome = Callable[[Session], None]

#: Mails that are read and written together.
_AT_ONCE = 50
#: What is raised once the connection to the database is lost.
_LOST = (OperationalError, InterfaceError, PendingRollbackError)


@dataclass(frozen=True, slots=True)
class Written:
    """A mail that is ready: its row's id, and the mail, or why there cannot be one."""

    number: int
    mail: Mail | Refused


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of mail: how its rows are found, written and claimed.

    `claim` takes the row only if it still asks for the very mail that was written.
    """

    name: str
    rows: outbox.Kind
    read: Callable[[Session, Sequence[int]], Sequence[Any]]
    write: Callable[[Settings, Any, datetime], Mail]
    claim: Callable[[Session, Settings, Written, datetime], Any]


def send_waiting(settings: Settings, kind: Kind, until: float, clock: Clock) -> bool:
    """Send all mails of a kind that are due, until a moment of the monotonic clock.

    Tells whether all that were come to could be dealt with.  Nothing is sent while mail pauses.
    """
    well, last = True, 0
    while time.monotonic() <= until:
        flask_db.session.rollback()
        if outbox.paused_until(flask_db.session(), now=clock()):
            break
        found = outbox.due(flask_db.session(), kind.rows, now=clock(), limit=_AT_ONCE, after=last)
        if not found:
            break
        last = found[-1]
        well &= send(settings, kind, found, clock)
    return well


def send(settings: Settings, kind: Kind, numbers: Sequence[int], clock: Clock) -> bool:
    """Send those of these mails that are due and that nobody else has."""
    well, untold = True, list[Outcome]()
    troubled = outbox.is_troubled(flask_db.session())
    with _opened(settings) as post:
        for written in _written(settings, kind, numbers, clock):
            try:
                listens = _send(settings, kind, post, written, untold, clock)
                if listens and troubled:
                    untold.append(lambda db: outbox.resume(db, now=clock()))
                    troubled = False
            except Refused:
                well = False
                break
            except Exception:
                log.exception("%s %s", kind.name, written.number)
                flask_db.session.rollback()
                well = False
        if untold:
            _tell(untold, lambda db: None)
    return well


def _tell(untold: list[Outcome], act: Callable[[Session], Any]) -> Any:
    """Note what became of the mail before, and do something, in one unit of work."""
    with unit_of_work() as db:
        for note in untold:
            note(db)
        found = act(db)
    untold.clear()
    return found


def _written(
    settings: Settings, kind: Kind, numbers: Sequence[int], clock: Clock
) -> Iterator[Written]:
    """The mails of those rows that wait; nothing is held open while the network is slow."""
    found = []
    for row in kind.read(flask_db.session(), numbers):
        try:
            found.append(Written(row.id, kind.write(settings, row, clock())))
        except Refused as error:
            found.append(Written(row.id, error))
        except _LOST:
            raise  # no mail's fault, and none of the others could be read
        except Exception:
            log.exception("%s %s cannot be written", kind.name, row.id)
    flask_db.session.rollback()
    yield from found


def _send(
    settings: Settings,
    kind: Kind,
    post: Post,
    written: Written,
    untold: list[Outcome],
    clock: Clock,
) -> bool:
    """Send one mail; what became of it stays to be told, as that of the one before was.

    Tells whether the server listened; raises `Refused` when it takes none, so that all mail pauses.
    """

    def claim(db: Session) -> Any:
        return kind.claim(db, settings, written, clock())

    def refuse(db: Session) -> None:
        if (row := claim(db)) is not None:
            outbox.settle(db, kind.rows, row, state, why, now=clock())

    try:
        if isinstance(written.mail, Refused):
            raise written.mail
        post.address(written.mail)
    except Refused as error:
        why, state = _refusal(error)
        if error.every:
            took_none = functools.partial(
                outbox.took_none, said=why, lasting=error.permanent, now=clock()
            )
            if _tell(untold, took_none):
                raise
        _tell(untold, refuse)
        return False
    row = _tell(untold, claim)
    if row is not None:
        untold.append(_delivered(kind, post, written.mail, row, clock))
    return True


def _delivered(kind: Kind, post: Post, message: Mail, row: Any, clock: Clock) -> Outcome:
    try:
        with traces.span(f"mail.{kind.name}", None, {"row": row.id}, kind="client"):
            said, state = post.deliver(message), ReceiptState.SENT
    except Refused as error:
        said, state = _refusal(error)
    except Unclear as error:
        log.warning("mail unclear: %s", error)
        said, state = str(error), ReceiptState.UNKNOWN
    return lambda db: outbox.settle(db, kind.rows, row, state, said, now=clock())


def _refusal(error: Refused) -> tuple[str, ReceiptState]:
    log.warning("mail refused: %s", error)
    return str(error), ReceiptState.FAILED if error.permanent else ReceiptState.QUEUED


@contextmanager
def _opened(settings: Settings) -> Iterator[Post]:
    """The post office that the settings name; it is reached by the first mail."""
    if not settings.smtp_url:
        yield FilePost(mail.mail_folder(settings))
        return
    post = SmtpPost(settings.smtp_url)
    try:
        yield post
    finally:
        post.hang_up()


def receipt_mail(settings: Settings, receipt: Receipt, now: datetime) -> Mail:
    """Write a receipt's mail; raises Refused when its address cannot be one."""
    bill = receipt.bill
    letter = letters.receipt(bill, receipt.language)
    driver = bill.driver
    left = receipt.message_id
    return mail.compose(
        settings,
        recipient=receipt.recipient or "",
        name=driver.name if driver else "",
        subject=letter.subject,
        text=letter.text,
        html=letter.html,
        language=letter.language,
        message_id=left if "@" in left else f"{left}@{mail.sender_domain(settings)}",
        now=now,
    )


def _claim_receipt(db: Session, settings: Settings, written: Written, now: datetime) -> Any:
    of_mail = written.mail.message_id if isinstance(written.mail, Mail) else None
    return receipts.claim(
        db,
        written.number,
        domain=mail.sender_domain(settings),
        now=now,
        message_id=of_mail,
    )


def _other_mail(settings: Settings, row: OutgoingMail, now: datetime) -> Mail:
    """Write a mail that is no receipt; raises Refused when its address cannot be one."""
    return mail.compose(
        settings,
        recipient=row.recipient,
        subject=row.subject,
        text=row.body or "",
        message_id=f"mail-{row.id}.{row.created_at:%Y%m%d%H%M%S%f}@{mail.sender_domain(settings)}",
        now=now,
        file=_file(settings, row.job_id) if row.job_id else None,
    )


def _file(settings: Settings, job_id: int) -> tuple[str, bytes]:
    """What a job made, to be sent with a mail."""
    job = flask_db.session().get_one(Job, job_id)
    path = Store(settings, EXPORTS).path(job.stored_as or "")
    if path is None:
        raise Refused("The file is no longer kept.", permanent=True)
    if path.stat().st_size > mail.FILE_MOST:
        raise Refused("The file is too large for a mail.", permanent=True)
    return job.file_name or path.name, path.read_bytes()


RECEIPTS = Kind(
    name="receipt",
    rows=receipts.KIND,
    read=receipts.waiting,
    write=receipt_mail,
    claim=_claim_receipt,
)
MAILS = Kind(
    name="mail",
    rows=outbox.MAILS,
    read=outbox.waiting,
    write=_other_mail,
    claim=lambda db, _settings, written, now: outbox.claim(db, written.number, now=now),
)
