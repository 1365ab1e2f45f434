"""The sweep finds what a lost nudge left behind.

Everything here may run at any time, twice, or not at all for a while.
"""

import functools
import logging
import time
from collections.abc import Callable, Iterator

from celery import shared_task
from sqlalchemy.orm import Session

from app import reactions
from app.domain.access import forgetting, local_lists, reservations
from app.domain.charging import remote_starts
from app.domain.charging.sessions.provisional import close_abandoned
from app.domain.commands import broadcasts, commands
from app.domain.device import file_jobs, onboarding
from app.domain.limits import setpoints, supply
from app.domain.money import billing, no_show_fees, receipts, shown_prices
from app.domain.network import presence
from app.domain.office import housekeeping, jobs, outbox, schedules
from app.domain.office.housekeeping import SWEEP
from app.extensions import db as flask_db
from app.extensions import the_settings
from app.mails import mail
from app.models import Station
from app.process.clock import utc_now
from app.tasks.rounds import one_at_a_time
from app.tasks.steps import Bites, each, guarded, work

log = logging.getLogger(__name__)

#: A sweep goes home after so long; what is left waits for the next one.
PATIENCE_S = 30.0


@shared_task(name="sweep")
@one_at_a_time
def sweep() -> None:
    """Do what rows wait for: overdue commands, abandoned sessions, claims, reservations.

    Bills and mails have rounds of their own (`app.tasks.rounds`), which beat asks for as well.
    """
    until = time.monotonic() + PATIENCE_S
    guarded("sign", lambda: work(lambda db: housekeeping.began(db, SWEEP, now=utc_now())))
    failed = [what for what, step in _steps(until) if not guarded(what, step)]
    words = f"The sweep could not do all of: {', '.join(failed)}. Its log says why."
    sentence = words if failed else None
    guarded(
        "sign",
        lambda: work(lambda db: housekeeping.sign(db, SWEEP, now=utc_now(), failed=sentence)),
    )


def _steps(until: float) -> Iterator[tuple[str, Callable[[], object]]]:
    """What a sweep does, in this order; each step by itself, so that none stops another."""
    plain: tuple[tuple[str, Callable[[Session], object]], ...] = (
        ("dead workers", lambda db: presence.close_dead_nodes(db, now=utc_now())),
        ("supplies", lambda db: supply.watch(db, now=utc_now())),
        ("overdue commands", lambda db: commands.expire_overdue(db, utc_now())),
        ("overdue setpoints", lambda db: setpoints.expire(db, now=utc_now())),
        ("missing boots", lambda db: onboarding.ask_for_boots(db, now=utc_now())),
        ("stale plugs", lambda db: onboarding.ask_for_statuses(db, now=utc_now())),
        ("remote starts", lambda db: remote_starts.mark_unfollowed(db, now=utc_now())),
        ("abandoned sessions", lambda db: close_abandoned(db, now=utc_now())),
        ("reservations", lambda db: reservations.expire_due(db, now=utc_now())),
        ("no-shows", lambda db: no_show_fees.weigh_due(db, now=utc_now())),
        ("file jobs", lambda db: file_jobs.expire_overdue(db, now=utc_now())),
        ("stale claims", _give_up_stale),
        ("late rows", lambda db: billing.mark_slipped(db, now=utc_now())),
        ("report schedules", lambda db: schedules.begin_due(db, now=utc_now())),
        ("jobs", lambda db: jobs.remind(db, now=utc_now())),
    )
    for what, act in plain:
        yield what, functools.partial(work, act)
    yield "broadcasts", lambda: go_on_with_broadcasts(until)
    yield "local lists", lambda: _keep_lists(until)
    yield "the forgotten", lambda: _forget_on(until)
    yield "prices at stations", lambda: _keep_prices(until)


@shared_task(name=reactions.BROADCASTS)
@one_at_a_time
def advance_broadcasts() -> None:
    """Go on with the broadcasts that run; many nudges are one round."""
    reactions.heard(reactions.BROADCASTS)
    go_on_with_broadcasts(time.monotonic() + PATIENCE_S)


def go_on_with_broadcasts(until: float) -> bool:
    """Go on with each broadcast by itself, so that none waits for another's rows."""
    db = flask_db.session()
    db.rollback()

    def go_on(number: int) -> None:
        def act(db: Session, most: int) -> bool:
            # To count its targets costs each unit the same, however few it looks at.
            return broadcasts.go_on(db, number, utc_now(), max(most, broadcasts.BITE))

        bites = Bites()
        while bites(act):
            if time.monotonic() > until:
                return

    return each("broadcast", broadcasts.running(db), go_on, until)


def _keep_lists(until: float) -> bool:
    """Send local lists that changed to the stations whose onboarding asks for it."""
    found = local_lists.kept_up(flask_db.session(), utc_now())

    def keep_up(station_id: int) -> None:
        def act(db: Session) -> None:
            if (station := db.get(Station, station_id)) is not None:
                local_lists.keep_up(db, station, now=utc_now())

        work(act)

    return each("local list of station", found, keep_up, until)


def _keep_prices(until: float) -> bool:
    """Give stations that count themselves the version of their tariff that holds now."""

    def set_again(number: int) -> None:
        work(lambda db: shown_prices.set_again(db, number, now=utc_now()))

    found = shown_prices.outdated(flask_db.session(), now=utc_now())
    return each("tariff at a station", found, set_again, until)


def _forget_on(until: float) -> bool:
    """Look further through the long tables for drivers who are forgotten."""

    def forget_on(number: int) -> None:
        mail.remove_mails_of(flask_db.session(), the_settings(), number)
        while work(lambda db: forgetting.go_on(db, number, now=utc_now())):
            if time.monotonic() > until:
                return

    return each("forgetting", forgetting.waiting(flask_db.session()), forget_on, until)


def _give_up_stale(db: Session) -> None:
    for kind in (receipts.KIND, outbox.MAILS):
        outbox.give_up_stale(db, kind, now=utc_now())
