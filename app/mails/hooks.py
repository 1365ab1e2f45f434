"""Takes deliveries from their rows to the webhooks' endpoints.

Each endpoint has a thread of its own for a while, so that one that is slow keeps no other waiting
for long; threads only send, and what came of it is noted afterwards in one unit of work.
"""

import logging
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import NamedTuple

from sqlalchemy.orm import Session

from app.clock import utc_now
from app.config import Settings
from app.domain.ground.errors import Conflict, DomainError
from app.domain.ground.safe import Safe
from app.domain.office import deliveries, webhooks
from app.domain.office.deliveries import Tried
from app.domain.office.webhooks import Means, Reach, Signer
from app.extensions import db as flask_db
from app.mails import outside
from app.models import WebhookDelivery
from app.uow import unit_of_work

log = logging.getLogger(__name__)

#: Endpoints that are sent to side by side, and deliveries that one gets in a row.
AT_ONCE, IN_A_ROW = 8, 50
#: An endpoint's turn ends after so long, in seconds.
TURN_S = 15.0

Clock = Callable[[], datetime]


class _Letter(NamedTuple):
    """One delivery as a thread needs it: no row of the database goes there."""

    number: int
    url: str
    message_id: str
    body: bytes
    signers: Sequence[Signer]


def means(settings: Settings) -> Means:
    """What the installation gives for webhooks."""
    return Means(
        Safe(settings.signing_key(), "webhooks"),
        Reach(settings.webhook_networks, settings.webhook_http),
    )


def deliver_waiting(settings: Settings, until: float, clock: Clock = utc_now) -> int:
    """Send all that is due, until a moment of the monotonic clock; returns how much was sent."""
    given, count = means(settings), 0
    while time.monotonic() <= until:
        flask_db.session.rollback()
        if not (numbers := deliveries.due(flask_db.session(), now=clock())):
            break
        with unit_of_work() as db:
            claimed = {
                number: [_letter(row, given) for row in rows]
                for number in numbers[:AT_ONCE]
                if (rows := deliveries.claim(db, number, now=clock(), limit=IN_A_ROW))
            }
        if not claimed:
            break
        with ThreadPoolExecutor(len(claimed)) as pool:
            tried = list(
                pool.map(lambda letters: _send(letters, given.reach, clock), claimed.values())
            )
        with unit_of_work() as db:
            for letters, outcomes in zip(claimed.values(), tried, strict=True):
                count += _noted(db, letters, outcomes, clock())
    return count


def _letter(row: WebhookDelivery, given: Means) -> _Letter:
    try:
        signers = webhooks.signers(row.endpoint, given.safe)
    except Conflict:
        signers = []
    return _Letter(row.id, row.endpoint.url, row.message_id, row.body.encode(), signers)


def _send(letters: Sequence[_Letter], reach: Reach, clock: Clock) -> list[Tried]:
    """Send one after another; ends with the turn, or when the endpoint is in trouble."""
    found: list[Tried] = []
    ends_at = time.monotonic() + TURN_S
    for letter in letters:
        found.append(_tried(letter, reach, clock))
        if deliveries.is_trouble(found[-1]) or time.monotonic() > ends_at:
            break
    return found


def _tried(letter: _Letter, reach: Reach, clock: Clock) -> Tried:
    if not letter.signers:
        return Tried(error="Its secret was sealed with another key; give it a new one.")
    headers = webhooks.headers(letter.signers, letter.message_id, letter.body, now=clock())
    try:
        answer = outside.post(letter.url, letter.body, headers, reach)
    except (DomainError, outside.Failed) as error:
        return Tried(error=str(error))
    except Exception as error:
        log.exception("webhook delivery %s", letter.number)
        return Tried(error=f"It could not be sent: {type(error).__name__}.")
    return Tried(answer.status, answer.latency_ms, answer.text)


def _noted(
    db: Session, letters: Sequence[_Letter], outcomes: Sequence[Tried], now: datetime
) -> int:
    for place, letter in enumerate(letters):
        row = db.get_one(WebhookDelivery, letter.number)
        if place < len(outcomes):
            deliveries.note(db, row, outcomes[place], now=now)
        else:
            deliveries.release(db, row)
    return len(outcomes)
