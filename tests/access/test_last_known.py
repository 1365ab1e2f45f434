"""Tags as they were last known: the same decisions as the database gives, and no card in clear."""

import stat
from dataclasses import replace
from datetime import timedelta

import pytest

from app.domain.access import authorisation, drivers, known_tags, tag_groups, tag_rows, tags
from app.domain.access.authorisation import AUTHORIZE, START, Tap
from app.domain.access.known_tags import KnownTags
from app.domain.charging import sessions
from app.domain.ground.vocabulary import SYSTEM, StationMode, Token, Verdict
from app.extensions import db as flask_db
from app.models import Station, Tag, Tenant
from app.uow import unit_of_work
from tests.support.charging import network
from worker.away import LEAST_LEASED, LastKnown
from worker.batch import Batch

CARD = "04-A2-B3-C4"


@pytest.fixture
def place(any_app):
    """A network, as it is stored."""
    with unit_of_work() as db:
        network(db)
    return network_of()


def network_of():
    """The station of the network, out of the database."""
    return flask_db.session.query(Station).one()


def add(value=CARD, **given):
    with unit_of_work() as db:
        station = network_of()
        given.setdefault("now", station.created_at)
        return tags.add(db, SYSTEM, station.tenant_id, value=value, **given).id


@pytest.fixture
def known():
    return KnownTags(b"a key")


def keep_all(known):
    for row in tag_rows.page(flask_db.session(), 0):
        known.put(row)


def tap(station, now, value=CARD, occasion=START, kind="id_tag"):
    return Tap(station, Token(value, kind), occasion, now)


def both(known, tap):
    """What is decided from the list, if anything: it must be what the database decides."""
    found = known.judge(tap)
    [other] = authorisation.judge(flask_db.session(), [tap])
    if found is not None:
        assert (found.verdict, found.reason, found.expires_at, found.parent) == (
            other.decision.verdict,
            other.decision.reason,
            other.decision.expires_at,
            other.decision.parent,
        )
    return found


@pytest.mark.parametrize("shown", [CARD, CARD.lower(), f" {CARD} ", "04A2B3C4", "04:a2:b3:c4"])
def test_a_listed_tag_is_found_however_it_is_written(place, known, now, shown):
    add()
    keep_all(known)
    assert both(known, tap(place, now, shown)).verdict is Verdict.ACCEPTED


def test_what_is_on_no_list_is_not_decided(place, known, now):
    add()
    keep_all(known)
    assert known.judge(tap(place, now, "04FFFFFF")) is None
    assert known.judge(tap(place, now, "")) is None


def test_a_card_of_another_organisation_is_not_known(place, known, now):
    with unit_of_work() as db:
        other = Tenant(name="Another", created_at=now)
        db.add(other)
        db.flush()
        tags.add(db, SYSTEM, other.id, value="OTHER", now=now)
    keep_all(known)
    assert known.judge(tap(place, now, "OTHER")) is None


def test_blocked_expired_and_limited_tags_are_refused_as_ever(place, known, now):
    add("EXPIRES", expires_at=now - timedelta(days=1), now=now - timedelta(days=9))
    blocked = add("BLOCKED")
    with unit_of_work() as db:
        row = db.get_one(Tag, blocked)
        tags.block(db, SYSTEM, row, now=now)
    keep_all(known)
    assert both(known, tap(place, now, "BLOCKED")).verdict is Verdict.BLOCKED
    assert both(known, tap(place, now, "EXPIRES")).verdict is Verdict.EXPIRED


def test_a_station_that_is_open_or_closed_asks_no_list(place, known, now):
    with unit_of_work():
        place.mode = StationMode.OPEN
    assert both(known, tap(place, now, "ANY")).reason == "open_access"
    with unit_of_work():
        place.mode = StationMode.CLOSED
    assert both(known, tap(place, now, "ANY")).reason == "station_closed"


def test_a_master_pass_begins_nothing_and_its_group_is_told(place, known, now):
    with unit_of_work() as db:
        group = tag_groups.add(
            db, SYSTEM, place.tenant_id, name="Wardens", master_pass=True, now=now
        )
        tags.add(db, SYSTEM, place.tenant_id, value="MASTER", group_id=group.id, now=now)
    keep_all(known)
    assert both(known, tap(place, now, "MASTER", AUTHORIZE)).parent
    assert both(known, tap(place, now, "MASTER", START)) is None


def test_a_tag_that_goes_is_known_no_more(place, known, now):
    number = add()
    add("04A2B3C4D5")
    keep_all(known)
    assert known.drop(number)
    assert not known.drop(number)
    assert known.judge(tap(place, now)) is None
    assert known.judge(tap(place, now, "04A2B3C4D5")) is not None


def test_the_copy_holds_no_card_and_gives_the_same_list(place, known, now):
    add(expires_at=now + timedelta(days=9))
    add("SECONDCARD")
    keep_all(known)
    data = known.dump()
    for clear in (b"04-a2", b"04-A2", b"04a2b3c4", b"secondcard", b"SECONDCARD"):
        assert clear not in data
    again = KnownTags(b"a key")
    again.load(data)
    assert again.dump() == data
    assert both(again, tap(place, now)).verdict is Verdict.ACCEPTED
    strange = KnownTags(b"another key")
    strange.load(data)
    assert strange.judge(tap(place, now)) is None
    with pytest.raises(ValueError, match="form"):
        strange.load(b"[7, []]")


def test_what_was_changed_is_told_by_tag_group_and_driver(place, now, monkeypatch):
    monkeypatch.setattr(known_tags, "_OVERLAP", 20)
    number = add()
    with unit_of_work() as db:
        since = known_tags.newest_change(db)
        assert number in known_tags.changed(db, since)  # what was written side by side
    for extra in range(30):
        add(f"MORE{extra}")
    with unit_of_work() as db:
        since = known_tags.newest_change(db)
        assert number not in known_tags.changed(db, since)
        driver = drivers.add(db, SYSTEM, place.tenant_id, name="Ada", now=now)
        group = tag_groups.add(db, SYSTEM, place.tenant_id, name="Fleet", now=now)
        row = db.get_one(Tag, number)
        tags.edit(db, SYSTEM, row, driver_id=driver.id, group_id=group.id, now=now)
        assert number in known_tags.changed(db, since)


@pytest.fixture
def worker(any_app, place):
    batch = Batch(any_app)
    yield LastKnown(any_app, batch)
    batch.stop()


def test_a_worker_keeps_its_list_up_and_a_copy_of_it(worker, place, any_app, now):
    number = add()
    assert worker.decide(tap(place, now)) is None
    worker.keep_up()
    assert worker.decide(tap(place, now)).verdict is Verdict.ACCEPTED
    copy = any_app.config["SETTINGS"].data_dir / "last_known" / "tags"
    assert stat.S_IMODE(copy.stat().st_mode) == 0o600
    with unit_of_work() as db:
        tags.block(db, SYSTEM, db.get_one(Tag, number), now=now)
    worker.keep_up()
    assert worker.decide(tap(place, now)).verdict is Verdict.BLOCKED
    with unit_of_work() as db:
        tags.archive(db, SYSTEM, db.get_one(Tag, number), now=now)
    worker.keep_up()
    assert worker.decide(tap(place, now)) is None
    assert worker.health() == {"known_tags": 0, "leased_ids": LEAST_LEASED}


@pytest.mark.parametrize(
    ("policy", "listed", "other"),
    [("known", True, False), ("all", True, True), ("none", False, False)],
)
def test_while_the_database_is_away_those_may_charge_who_were_chosen(
    any_app, worker, place, now, monkeypatch, policy, listed, other
):
    add()
    chosen = replace(any_app.config["SETTINGS"], without_database=policy)
    monkeypatch.setitem(any_app.config, "SETTINGS", chosen)
    known = LastKnown(any_app, worker._batch)
    known.keep_up()
    shown = [known.decide(tap(place, now, value)) for value in (CARD, "04FFFFFF")]
    assert [it is not None and it.accepted for it in shown] == [listed, other]


@pytest.mark.parametrize("stations", [0, 400])
def test_ids_are_given_out_once_and_leased_anew(worker, stations):
    worker.stations = lambda: stations
    at_hand = max(stations, LEAST_LEASED)
    assert worker.transaction_ref() is None
    given = []
    for _ in range(3):
        worker.keep_up()
        assert worker.health()["leased_ids"] == at_hand
        given += [worker.transaction_ref() for _ in range(at_hand // 2 + 1)]
    assert None not in given
    assert len(set(given)) == len(given)


def test_a_small_installation_skips_few_numbers_when_its_worker_starts(worker):
    worker.keep_up()
    with unit_of_work() as db:
        assert sessions.lease_refs(db, 1) == [LEAST_LEASED + 1]
