"""Versions of a tariff that are planned: which holds when and where, and taken back in time."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from types import SimpleNamespace
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.domain.charging import sessions
from app.domain.ground.errors import Conflict, Invalid, NotFound
from app.domain.ground.vocabulary import Actor, ConnectorRef, Token
from app.domain.money import tariff_book, validity
from app.domain.network import sites
from app.models import AuditEntry
from tests.support import lone
from tests.support.chance import tries
from tests.support.charging import PRICES, STARTED, network

GRACE = Actor("Grace Hopper", 7)
DEARER = {**PRICES, "components": [{"kind": "energy", "price": "0.99"}]}
CHEAPER = {**PRICES, "components": [{"kind": "energy", "price": "0.11"}]}


@pytest.fixture
def net(db):
    net = network(db)
    net.site.tariff_id = net.version.tariff_id
    db.flush()
    return net


def local(at, zone="Europe/Berlin"):
    return at.astimezone(ZoneInfo(zone)).strftime("%Y-%m-%dT%H:%M")


def plan(db, net, definition, first, until=None, *, now=STARTED):
    tariff = net.version.tariff
    tariff_book.edit(
        db, GRACE, tariff, definition=definition, now=now, valid_from=local(first),
        valid_until=until and local(until),
    )  # fmt: skip
    return tariff.versions[-1]


def begun(db, net, at, now=None):
    """The number of the version that a session gets which begins then."""
    start = sessions.Start(ConnectorRef(1), Token("A"), Decimal(0), at, str(at))
    return lone.begin(db, net.station, start, now=now or at).session.tariff_version.number


def test_a_planned_version_prices_what_begins_from_its_time_on(db, net):
    was = net.version.number
    first = STARTED + timedelta(days=3)
    planned = plan(db, net, DEARER, first)
    assert begun(db, net, first - timedelta(minutes=1)) == was
    assert begun(db, net, first) == planned.number
    # What is told late has the price of its own time, and so has what is told over the turn.
    assert begun(db, net, first - timedelta(hours=1), now=first + timedelta(days=1)) == was
    assert begun(db, net, first - timedelta(seconds=30), now=first + timedelta(seconds=30)) == was


def test_the_audit_tells_the_prices_before_and_after(db, net):
    plan(db, net, DEARER, STARTED + timedelta(days=3))
    entry = db.query(AuditEntry).filter_by(action="tariff.edit").one()
    assert entry.after["prices"] == ["0.99 EUR per kWh", "plus 19 % tax"]
    assert entry.before["prices"] != entry.after["prices"]


def test_a_version_with_an_end_gives_way_to_what_held_before(db, net):
    was = net.version.number
    first, until = STARTED + timedelta(days=3), STARTED + timedelta(days=5)
    planned = plan(db, net, CHEAPER, first, until)
    assert begun(db, net, until - timedelta(minutes=1)) == planned.number
    assert begun(db, net, until) == was


def test_prices_changed_today_hold_until_the_planned_ones_begin(db, net):
    first = STARTED + timedelta(days=3)
    planned = plan(db, net, DEARER, first)
    tariff_book.edit(
        db, GRACE, planned.tariff, definition=CHEAPER, now=STARTED + timedelta(hours=1)
    )
    today = planned.tariff.versions[-1]
    assert begun(db, net, first - timedelta(hours=1)) == today.number
    assert begun(db, net, first) == planned.number


def test_a_withdrawn_version_never_begins(db, net):
    was = net.version.number
    first = STARTED + timedelta(days=3)
    planned = plan(db, net, DEARER, first)
    tariff_book.withdraw(db, GRACE, planned.tariff, planned.number, now=STARTED)
    assert begun(db, net, first + timedelta(days=1)) == was
    entry = db.query(AuditEntry).filter_by(action="tariff.withdraw").one()
    assert entry.note == f"version {planned.number} from {local(first).replace('T', ' ')}"
    # A number is given once.
    assert plan(db, net, DEARER, first).number == planned.number + 1


def test_what_has_begun_somewhere_is_not_withdrawn(db, net):
    sites.add(
        db, GRACE, net.site.tenant_id, now=STARTED, name="Tokyo", timezone="Asia/Tokyo",
        currency="EUR",
    )  # fmt: skip
    first = STARTED + timedelta(days=3)
    planned = plan(db, net, DEARER, first)
    for later in (timedelta(hours=-1), timedelta(hours=1)):  # Tokyo is seven or eight hours ahead
        with pytest.raises(Conflict):
            tariff_book.withdraw(db, GRACE, planned.tariff, planned.number, now=first + later)
    with pytest.raises(NotFound):
        tariff_book.withdraw(db, GRACE, planned.tariff, 99, now=STARTED)


@pytest.mark.parametrize(
    ("valid_from", "valid_until", "field"),
    [
        ("2020-01-01T00:00", None, "valid_from"),
        ("2099-01-01T00:00", None, "valid_from"),
        ("soon", None, "valid_from"),
        ("2027-01-01T00:00Z", None, "valid_from"),
        (None, "2027-01-01T00:00", "valid_from"),
        ("2027-01-02T00:00", "2027-01-02T00:00", "valid_until"),
    ],
)
def test_dates_that_mean_nothing_are_refused(valid_from, valid_until, field):
    now = datetime(2026, 11, 27, 12, tzinfo=UTC)
    with pytest.raises(Invalid) as refusal:
        validity.checked(valid_from, valid_until, now=now, zones=["Europe/Berlin"])
    assert refusal.value.field == field


def test_a_date_without_prices_is_refused(db, net):
    with pytest.raises(Invalid) as refusal:
        tariff_book.edit(
            db, GRACE, net.version.tariff, valid_from=local(STARTED + timedelta(days=9)),
            now=STARTED,
        )  # fmt: skip
    assert refusal.value.field == "definition"


def test_a_copy_says_what_holds_now(db, net):
    plan(db, net, DEARER, STARTED + timedelta(days=3))
    made = tariff_book.copy(db, GRACE, net.version.tariff, now=STARTED)
    assert made.name == f"{net.version.tariff.name} (copy)"
    [copied] = made.versions
    assert copied.definition["components"] == net.version.definition["components"]


moments = st.integers(0, 60).map(lambda days: datetime(2027, 3, 1) + timedelta(days=days))


@st.composite
def versions(draw):
    """A first version and some that were written or planned later."""
    made = [SimpleNamespace(number=1, valid_from=None, valid_until=None, withdrawn_at=None)]
    made[0].created_at = datetime(2027, 2, 1, tzinfo=UTC)
    for number in range(2, draw(st.integers(2, 6))):
        first, until = draw(st.none() | moments), None
        if first is not None and draw(st.booleans()):
            until = first + timedelta(days=draw(st.integers(1, 30)))
        made.append(
            SimpleNamespace(
                number=number,
                created_at=draw(moments).replace(tzinfo=UTC),
                valid_from=first and first.strftime("%Y-%m-%dT%H:%M"),
                valid_until=until and until.strftime("%Y-%m-%dT%H:%M"),
                withdrawn_at=STARTED if first and draw(st.booleans()) else None,
            )
        )
    return made


@settings(max_examples=tries(60))
@given(
    versions(), moments, st.sampled_from(["UTC", "Europe/Berlin", "Asia/Tokyo", "America/New_York"])
)
def test_the_line_of_time_says_the_version_that_holds(made, at, zone):
    at = at.replace(tzinfo=UTC)
    line = validity.spans(made, zone)
    assert all(before.ends == after.begins for before, after in pairwise(line))
    covering = [
        span for span in line if span.begins <= at and (span.ends is None or at < span.ends)
    ]
    held = validity.in_force(made, at, zone)
    assert held.withdrawn_at is None
    assert [span.version for span in covering] == [held]
