"""The worker and Celery are killed at each stage of what they do, with sessions going on: what was
answered is there, what is told again is there once, and each session has one bill.
"""

import itertools

import pytest

from tests.faults import told
from tests.support.chance import BY_NIGHT
from tests.support.depot import furnish
from tests.support.fixtures import SQLITE_BY_DAY
from tests.support.teller import Teller
from tests.support.trap import OF_CELERY, OF_WORKER, set_trap, trapped
from tests.support.wait import eventually

pytestmark = [pytest.mark.processes, pytest.mark.timeout(600)]

PROCESSES = ("worker", "celery", "beat")
CHARGERS = 8
#: By version: what begins a session, and what ends it.
WORDS = {
    "ocpp1.6": ("StartTransaction", "StopTransaction"),
    "ocpp2.0.1": ("Started", "Ended"),
}
#: Where the begin and the end of a session may differ most, both are tried; by night of each
#: version.
DECISIVE = ("written", "being committed", "committed")
#: These are passed by only with an end; a price at the end is told by 2.0.1 alone.
OF_AN_END = ("final cost", "nudging")
ON_POSTGRESQL = (*DECISIVE, "halved", "answered")


def kills(versions, database):
    """The stages, each with the call that is in the batch then."""
    for number, stage in enumerate(OF_WORKER):
        begin, end = zip(*(WORDS[version] for version in versions), strict=True)
        if stage.name in DECISIVE:
            of_both = (begin[number % len(begin)], end[(number + 1) % len(end)])
            words = (*begin, *end) if BY_NIGHT else of_both
            yield from ((stage.name, word) for word in words)
        elif stage.name == "final cost":
            yield from ((stage.name, word) for word in end if word == "Ended")
        elif database == "sqlite" or stage.name in ON_POSTGRESQL:
            words = end if stage.name in OF_AN_END or number % 2 else begin
            yield stage.name, words[number // 2 % len(words)]


@pytest.fixture(
    params=[
        pytest.param(tuple(WORDS), id="both versions"),
        *(pytest.param((version,), id=version, marks=pytest.mark.nightly) for version in WORDS),
    ]
)
def versions(request):
    """The versions that the chargers speak."""
    return request.param


@pytest.fixture
def site(make_site, smtp_server, database):
    """A site with traps in its processes."""
    return make_site(database, processes=PROCESSES, launch=trapped, smtp_url=smtp_server.url)


@pytest.fixture
def tellers(site, versions):
    """Chargers that tell one session after another."""
    known = furnish(site, CHARGERS)
    spoken = itertools.cycle(versions)
    tellers = [Teller(site, *station, known.tag, next(spoken)) for station in known.stations]
    for teller in tellers:
        teller.start()
    yield tellers
    for teller in tellers:
        teller.give_up()


# All stages are tried on SQLite only; kills on PostgreSQL by day: test_answered_is_stored.py.
@pytest.mark.landing
@pytest.mark.parametrize("database", SQLITE_BY_DAY)
def test_a_kill_at_any_stage_loses_nothing_and_doubles_nothing(
    site, tellers, smtp_server, database, versions
):
    seen = told.Seen(tellers)
    for stage, word in kills(versions, database):
        told.more_answers(tellers)
        killed_at(site, "worker", stage, word)
        with site.read() as db:
            seen.check(db)
        site.restart("worker")
    for stage in OF_CELERY:
        told.more_answers(tellers)
        killed_at(site, "celery", stage.name)
        site.restart("celery")
    told.finish(tellers)
    told.wait_until_billed(site)
    with site.read() as db:
        seen.check(db)
        for teller in tellers:
            told.check_once(db, teller)
        told.check_bills(db, tellers)
        # Celery died with a mail that it had claimed, and with one that it had sent; its other
        # threads may have been about some more.
        doubtful, arrived = told.check_mails(db, smtp_server.messages)
    assert doubtful >= 2
    assert arrived >= 1


def killed_at(site, program, stage, word=""):
    """Set a trap, and wait until the program is dead."""
    trap = set_trap(site.data_dir, program, stage, word=word)
    process = site.processes[program]
    eventually(lambda: not process.running, what=f"the {program} dies: {stage}, {word}")
    assert not trap.exists(), f"the {program} died before: {stage}"
