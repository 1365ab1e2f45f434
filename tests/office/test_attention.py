"""What needs attention: gone once it is solved, counted truly, put away by whoever has seen it."""

from datetime import timedelta
from decimal import Decimal

import pytest

from app.domain.ground.vocabulary import (
    ReceiptState,
    Registration,
    SessionState,
    TagStatus,
    Verdict,
)
from app.domain.limits import supply
from app.domain.money import tariff_book
from app.models import (
    AuditEntry,
    Authorisation,
    HandshakeAttempt,
    StationCertificate,
    StationReport,
    SupplyExcess,
    Tag,
    TariffVersion,
    WorkerNode,
)
from app.queries.network import stations
from app.queries.office import attention
from app.web import scope
from tests.support import seed
from tests.support.by_hand import Network

MINUTE = timedelta(minutes=1)


@pytest.fixture
def network(db, now):
    return Network(db, now)


def tap(network, token, station=None, at=None):
    station = station or network.station(f"CP-{token}")
    return network.add(
        Authorisation(
            tenant_id=network.tenant.id, station_id=station.id, token=token, sentence="…",
            occasion="authorize", verdict=Verdict.INVALID, reason="unknown_tag",
            at=at or network.now,
        )
    )  # fmt: skip


def tag(network, value, **given):
    bare = "".join(char for char in value.casefold() if char.isalnum())
    return network.add(
        Tag(
            tenant_id=network.tenant.id, value=value, key=value.casefold(), bare_key=bare,
            created_at=network.now, **given,
        )
    )  # fmt: skip


def knock(network, identity="GaroCS", **given):
    facts = {
        "identity": identity, "path": "/ocpp/x", "address": "185.12.8.4", "status": 404,
        "reason": "unknown_identity", "sentence": "…", "first_at": network.now,
        "last_at": network.now, "count": 3, **given,
    }  # fmt: skip
    return network.add(HandshakeAttempt(**facts))


@pytest.mark.parametrize(
    "given",
    [{}, {"status": TagStatus.BLOCKED}, {"archived": True}],
    ids=["listed", "blocked", "archived"],
)
@pytest.mark.parametrize("written", ["04a2b1", "04:A2:B1", "04 A2 B1"])
def test_an_unknown_card_is_solved_once_it_is_on_the_list(network, given, written):
    tap(network, "04A2B1 ")
    assert network.kinds() == ["unknown_tag"]
    archived = {"archived_at": network.now} if given.get("archived") else {}
    tag(network, written, **archived, **{k: v for k, v in given.items() if k != "archived"})
    assert network.kinds() == []


def test_the_card_of_another_tenant_solves_nothing(network, db):
    tap(network, "04A2B1")
    tag(Network(db, network.now, "Theirs"), "04A2B1")
    assert "unknown_tag" in network.kinds()


def test_three_hundred_of_a_kind_are_three_hundred(network):
    station = network.station("CP-1")
    for number in range(300):
        tap(network, f"CARD{number:04}", station)
        network.station(f"NEW-{number:03}", online=False, connected_at=None)
        knock(network, f"STRANGER-{number}")
    shown = network.findings()
    for kind in ("unknown_tag", "knock", "never_connected"):
        of_kind = [finding for finding in shown if finding.kind == kind]
        assert len(of_kind) + of_kind[-1].more == 300


def test_a_stranger_who_was_added_since_waits_as_a_station(network):
    knock(network, "GaroCS", last_at=network.now - 5 * MINUTE)
    network.station("GAROCS", online=False, connected_at=None)
    assert network.kinds() == ["never_connected"]


def test_a_charger_that_was_slowed_down_is_one_finding_with_its_own_reason(network):
    knock(network, "GaroCS", last_at=network.now - 5 * MINUTE)
    knock(network, "GAROCS", reason="throttled", status=429)
    (finding,) = network.findings()
    assert finding.subject == "GaroCS|unknown_identity"


def test_a_charger_that_was_only_ever_told_to_wait_is_shown(network):
    knock(network, reason="throttled", status=429)
    assert network.kinds() == ["knock"]


@pytest.mark.parametrize(
    "solved",
    [
        {"registration": Registration.BLOCKED},
        {"archived": True},
        {"connected": True},
    ],
    ids=["blocked", "archived", "connected since"],
)
def test_a_knocking_station_is_solved_by_a_decision_or_by_getting_in(network, solved):
    station = network.station("CP-1", connected_at=network.now - 60 * MINUTE)
    knock(
        network, "CP-1", station_id=station.id, tenant_id=network.tenant.id,
        reason="wrong_password", last_at=network.now - 5 * MINUTE,
    )  # fmt: skip
    assert network.kinds() == ["knock"]
    if "registration" in solved:
        station.registration = solved["registration"]
    if "archived" in solved:
        station.archived_at = network.now
    if "connected" in solved:
        station.connected_at = network.now
    assert network.kinds() == []


def test_a_blocked_station_is_missed_by_nobody(network):
    gone = network.station("CP-1", online=False, disconnected_at=network.now - 60 * MINUTE)
    new = network.station("CP-2", online=False, connected_at=None)
    assert sorted(network.kinds()) == ["never_connected", "offline"]
    gone.registration = new.registration = Registration.BLOCKED
    assert network.kinds() == []


def test_the_end_of_the_worker_is_not_told_once_more_for_every_station(network, db):
    for number in range(5):
        network.station(f"CP-{number}", last_seen_at=network.now - 30 * MINUTE)
    db.get(WorkerNode, "w").beat_at = network.now - 29 * MINUTE
    assert network.kinds() == []
    network.station(
        "CP-9", online=False, disconnected_at=network.now - 90 * MINUTE,
        last_seen_at=network.now - 90 * MINUTE,
    )  # fmt: skip
    assert network.kinds() == ["offline"]


def certificate(network, station, days, state="accepted", use="station"):
    at = network.now
    return network.add(
        StationCertificate(
            station_id=station.id, use=use, state=state, created_at=at, changed_at=at,
            expires_at=at + timedelta(days=days),
        )
    )  # fmt: skip


def test_a_certificate_that_was_replaced_runs_out_unnoticed(network):
    station = network.station("CP-1")
    certificate(network, station, 5)
    assert network.kinds() == ["running_out"]
    certificate(network, station, 700, state="issued")
    assert network.kinds() == ["running_out"]
    certificate(network, station, 700)
    assert network.kinds() == []


def report(network, station, kind="security", word="TamperDetectionActivated", **payload):
    return network.add(
        StationReport(
            station_id=station.id, kind=kind, word=word, payload=payload, at=network.now,
            received_at=network.now,
        )
    )  # fmt: skip


def test_a_supply_is_told_while_it_is_exceeded_and_for_a_day_after(network, db):
    # The site has 40 kW.
    one, two = network.station("CP-1"), network.station("CP-2")
    charges = network.session(one, last_power_w=30_000.0)
    network.session(two, last_power_w=13_200.0)
    supply.watch(db, now=network.now)
    supply.watch(db, now=network.now + 15 * MINUTE / 60)
    (finding,) = network.findings()
    assert (finding.kind, finding.facts["goes_on"]) == ("supply_exceeded", True)
    assert round(finding.facts["over_w"]) == 3200
    charges.last_power_w = 20_000.0
    db.flush()
    supply.watch(db, now=network.now + MINUTE)
    (finding,) = network.findings()
    assert not finding.facts["goes_on"]
    network.site.supply_limit_kw = Decimal(50)
    assert network.kinds() == []
    network.site.supply_limit_kw = Decimal(40)
    later = network.now + timedelta(hours=25)
    db.get(WorkerNode, "w").beat_at = later
    found = attention.findings(db, tenant_id=network.tenant.id, now=later)
    assert "supply_exceeded" not in [one.kind for one in found]


def test_whoever_watches_a_supply_forgets_nothing(network, db):
    """How long an excess is kept is said by the retention rules alone."""
    network.session(network.station("CP-1"), last_power_w=43_200.0)
    supply.watch(db, now=network.now)
    supply.watch(db, now=network.now + timedelta(hours=23))
    supply.watch(db, now=network.now + timedelta(days=400))
    assert db.query(SupplyExcess).one().ended_at == network.now + timedelta(hours=23)


def test_what_a_lost_station_drew_is_no_power_of_now(network, db):
    network.session(network.station("CP-1", online=False), last_power_w=99_000.0)
    supply.watch(db, now=network.now)
    assert db.query(SupplyExcess).count() == 0


@pytest.mark.parametrize(
    ("here_for", "read_before", "of_now"),
    [
        (1, 1.5, True),  # it has just come back, as all do when a worker is replaced
        (1, 5, False),  # it has come back, and may know nothing of that session any more
        (60, 5, True),
        (60, 29, True),  # some tell their power every quarter of an hour
        (60, 31, False),
        (None, 29, True),
    ],
)
def test_an_old_reading_is_no_power_of_now(network, db, here_for, read_before, of_now):
    here_since = here_for and network.now - here_for * MINUTE
    station = network.station("CP-1", connected_at=here_since)
    read_at = network.now - read_before * MINUTE
    session = network.session(station, last_power_w=99_000.0, last_reading_at=read_at)
    assert supply.power_of_now(session, here_since, now=network.now) is of_now
    draws = supply.drawn(db, now=network.now)
    assert draws == {network.site.id: supply.Draw(1, 99_000.0 if of_now else 0.0)}
    listed = stations.powers(db, [station.id], network.now)
    assert listed == ({(station.id, 1): 99_000.0} if of_now else {})


def session(network, station, hours_ago, minutes=30, **given):
    began = network.now - timedelta(hours=hours_ago)
    return network.session(
        station, began, state=SessionState.ENDED, ended_at=began + minutes * MINUTE, **given
    )


def test_a_plug_that_never_measures_is_told_after_three_sessions(network):
    station = network.station("CP-1")
    session(network, station, 9, energy_wh=Decimal(9000))
    for hours in (8, 7):
        session(network, station, hours)
    assert network.kinds() == []
    session(network, station, 6)
    (finding,) = network.findings()
    assert (finding.kind, finding.facts["evse"], finding.facts["count"]) == ("unmeasured", 1, 3)
    session(network, station, 5, energy_wh=Decimal(1200))
    assert network.kinds() == []


def test_failed_starts_say_nothing_of_a_meter(network):
    station = network.station("CP-1")
    for hours in range(1, 7):
        session(network, station, hours, minutes=1)
    assert network.kinds() == []


def test_a_saved_price_that_never_applies_is_told_until_the_tariff_is_mended(app, db, now):
    made = seed.fill(db, now, history=0)
    version = made.version
    good = dict(version.definition)
    energy = next(one for one in good["components"] if one["kind"] == "energy")
    bad = {**good, "components": [energy, {**energy}]}
    assert tariff_book.never_apply(tariff_book.checked(bad), now)
    tenant_id = made.people["admin"].tenant_id

    def kinds():
        return [one.kind for one in attention.findings(db, tenant_id=tenant_id, now=now)]

    def becomes(number, definition):
        db.add(
            TariffVersion(
                tariff_id=version.tariff_id, number=number, definition=definition, created_at=now
            )
        )
        db.flush()

    assert "unreachable_price" not in kinds()
    becomes(8, bad)
    assert "unreachable_price" in kinds()
    becomes(9, good)
    assert "unreachable_price" not in kinds()


# What has no end of its own


def see(client, finding, status=303, **changed):
    form = {
        "kind": finding.kind,
        "subject": finding.subject,
        "up_to": finding.facts["up_to"].isoformat(),
        **changed,
    }
    answer = client.post("/attention/seen", data=form)
    assert answer.status_code == status
    return answer


def shown(db, person, now, kind):
    found = attention.findings(db, tenant_id=person.tenant_id, now=now)
    return [finding for finding in found if finding.kind == kind]


@pytest.fixture
def operator(app, db, now):
    made = seed.fill(db, now, history=0)
    db.commit()
    client = seed.signed_in(app, made.people["operator"])
    client.person, client.made = made.people["operator"], made
    return client


def test_a_security_event_is_put_away_by_whoever_has_seen_it(operator, db, now):
    station = operator.made.stations["CP-01"]
    for at in (now, now + MINUTE):
        db.add(
            StationReport(station_id=station.id, kind="security", payload={}, at=at,
                          received_at=at, word="TamperDetectionActivated")
        )  # fmt: skip
    db.commit()
    later = now + 5 * MINUTE
    first, second = shown(db, operator.person, later, "security_event")
    see(operator, first)
    assert [one.subject for one in shown(db, operator.person, later, "security_event")] == [
        second.subject
    ]
    entry = db.query(AuditEntry).order_by(AuditEntry.id.desc()).first()
    assert (entry.action, entry.actor) == ("attention.seen", operator.person.name)


def test_a_card_that_was_seen_is_news_when_it_is_tapped_again(operator, db, now):
    station = operator.made.stations["CP-01"]

    def tapped(at):
        db.add(
            Authorisation(
                tenant_id=station.tenant_id, station_id=station.id, token="NEVER-SEEN", at=at,
                sentence="…", occasion="authorize", verdict=Verdict.INVALID, reason="unknown_tag",
            )
        )  # fmt: skip
        db.commit()

    tapped(now)
    (finding,) = (
        one for one in shown(db, operator.person, now, "unknown_tag") if one.subject == "never-seen"
    )
    tapped(now + MINUTE)  # after the page was drawn and before the button was pressed
    see(operator, finding)
    left = [one.subject for one in shown(db, operator.person, now + MINUTE, "unknown_tag")]
    assert "never-seen" in left


def test_what_is_out_of_reach_or_ends_by_itself_cannot_be_put_away(operator, app, db, now):
    theirs = Network(db, now, "Theirs")
    station = theirs.station("SECRET-1")
    row = report(theirs, station)
    db.commit()
    finding = attention.Finding("security_event", now, {"up_to": now}, 0, str(row.id))
    see(operator, finding, 404)
    see(operator, finding, 404, kind="offline")
    see(operator, finding, 404, subject="99999999999999999999")
    see(operator, finding, 404, kind="unknown_tag", subject="nobody tapped this")
    viewer = seed.signed_in(app, operator.made.people["viewer"])
    see(viewer, finding, 403)
    scope.narrow(db, None)
    assert "security_event" in theirs.kinds()


def test_a_receipt_that_was_sent_again_needs_nobody(network):
    bill = network.bill(
        network.session(network.station("CP-1"), state=SessionState.ENDED), 5,
        state=ReceiptState.FAILED,
    )  # fmt: skip
    assert network.kinds() == ["failed_receipts"]
    bill.receipt.state = ReceiptState.QUEUED
    assert network.kinds() == []
