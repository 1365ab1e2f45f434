"""A draft of a tariff against a month's real sessions: page, file, command; nothing is stored."""

import csv
import io
import json
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.ground.errors import Invalid
from app.domain.ground.vocabulary import SYSTEM
from app.domain.money import billing, tariff_book
from app.extensions import db as flask_db
from app.models import AuditEntry, Bill, Tariff, TariffVersion
from app.queries.ground import period
from app.queries.money import bench
from tests.support import lone
from tests.support.charging import network

NOW = datetime(2026, 4, 15, 12, tzinfo=UTC)
MARCH = period.month("2026-03")


def draft(price="0.50", **more):
    """A tariff of one price per kWh."""
    document = {"currency": "EUR", "components": [{"kind": "energy", "price": price}], **more}
    return tariff_book.checked({"schema": 1, **document})


@pytest.fixture
def net(any_app):
    """A network whose tariff charges 0.50 a session and 0.40 per kWh."""
    found = network(flask_db.session())
    components = [{"kind": "start", "price": "0.50"}, {"kind": "energy", "price": "0.40"}]
    found.version.definition = {"schema": 1, "currency": "EUR", "components": components}
    found.db.flush()
    return found


def billed(net, at, wh=10_000, **more):
    """A session that began at a time in UTC, with its bill."""
    session = net.session(started_at=at, wh=wh, **more)
    issued = lone.issue(net.db, session.id, now=NOW)
    assert isinstance(issued, Bill), issued.reasons
    return session


def tried(net, prices, month=MARCH, **more):
    more = {"tariff": net.version.tariff, "now": NOW, **more}
    return bench.run(net.db, net.site.tenant_id, prices, month, **more)


def test_each_session_is_priced_by_the_draft_beside_its_bill(net):
    first = billed(net, datetime(2026, 3, 2, 9, tzinfo=UTC))
    second = billed(net, datetime(2026, 3, 9, 20, 30, tzinfo=UTC), wh=2_000)
    found = tried(net, draft())
    assert [(row.session_id, row.old_minor, row.new_minor) for row in found.rows] == [
        (first.id, 450, 500),
        (second.id, 130, 100),
    ]
    assert [(hour, sums.difference_minor) for hour, sums in found.by_hour] == [(10, 50), (21, -30)]
    assert (found.all.old_minor, found.all.new_minor, found.all.energy_wh) == (580, 600, 12_000)
    assert (found.all.dearer, found.all.cheaper) == (1, 1)
    assert [row.session_id for row in found.greatest] == [first.id, second.id]


def test_the_same_prices_make_no_difference(net):
    billed(net, datetime(2026, 3, 2, 9, tzinfo=UTC))
    billed(net, datetime(2026, 3, 5, 22, tzinfo=UTC), wh=7_777)
    same = tariff_book.checked(net.version.definition)
    assert {row.difference_minor for row in tried(net, same).rows} == {0}


def test_a_month_is_that_of_the_sites_clock_also_where_it_changes(net):
    before = billed(net, datetime(2026, 2, 28, 23, 30, tzinfo=UTC))  # 00:30 on 1 March in Berlin
    billed(net, datetime(2026, 3, 31, 22, 30, tzinfo=UTC))  # 00:30 on 1 April: summer time began
    last = billed(net, datetime(2026, 3, 31, 21, 30, tzinfo=UTC))
    found = tried(net, draft())
    assert [row.session_id for row in found.rows] == [before.id, last.id]
    assert [hour for hour, _ in found.by_hour] == [0, 23]


def test_a_corrected_bill_counts_with_its_own_energy(net):
    session = billed(net, datetime(2026, 3, 2, 9, tzinfo=UTC))
    billing.correct(net.db, SYSTEM, session, energy_wh=Decimal(5_000), reason="A digit.", now=NOW)
    (row,) = tried(net, draft()).rows
    assert (row.energy_wh, row.old_minor, row.new_minor) == (5_000, 250, 250)


def test_a_session_whose_bill_was_taken_back_is_left_out(net):
    session = billed(net, datetime(2026, 3, 2, 9, tzinfo=UTC))
    kept = billed(net, datetime(2026, 3, 3, 9, tzinfo=UTC))
    billing.refund(net.db, SYSTEM, session, reason="It was broken.", now=NOW)
    found = tried(net, draft())
    assert [row.session_id for row in found.rows] == [kept.id]
    assert (found.found, found.unbilled) == (2, 1)


def test_sessions_of_other_tariffs_and_currencies_stay_out(net):
    own = billed(net, datetime(2026, 3, 2, 9, tzinfo=UTC))
    other = Tariff(
        tenant_id=net.site.tenant_id, name="Other", name_key="other", currency="EUR",
        created_at=NOW,
    )  # fmt: skip
    definition = net.version.definition
    version = TariffVersion(tariff=other, number=1, definition=definition, created_at=NOW)
    net.db.add_all([other, version])
    net.db.flush()
    elsewhere = billed(net, datetime(2026, 3, 4, 9, tzinfo=UTC), tariff_version_id=version.id)
    assert [row.session_id for row in tried(net, draft()).rows] == [own.id]
    everywhere = tried(net, draft(), tariff=None).rows
    assert [row.session_id for row in everywhere] == [own.id, elsewhere.id]
    assert tried(net, draft(currency="CHF"), tariff=None).found == 0
    with pytest.raises(Invalid, match="Kerb is in EUR"):
        tried(net, draft(currency="CHF"))


def test_of_too_many_sessions_some_are_looked_at_evenly(net):
    ids = [billed(net, datetime(2026, 3, day, 9, tzinfo=UTC)).id for day in range(1, 11)]
    found = tried(net, draft(), most=5)
    assert [row.session_id for row in found.rows] == ids[1::2]
    assert (found.found, found.looked_at, found.sampled) == (10, 5, True)


def test_the_bench_stores_nothing(net):
    billed(net, datetime(2026, 3, 2, 9, tzinfo=UTC))
    net.db.commit()
    tried(net, draft())
    assert not net.db.new
    assert not net.db.dirty
    assert net.db.query(Bill).count() == 1


@given(
    rows=st.lists(
        st.tuples(st.integers(0, 23), st.integers(0, 10**6), st.integers(0, 10**6)), max_size=40
    )
)
def test_the_hours_come_to_the_whole(rows):
    found = bench.Bench(MARCH, "EUR")
    for number, (hour, old, new) in enumerate(rows):
        at = datetime(2026, 3, 2, hour, tzinfo=UTC)
        found.add(bench.Compared(number, at, "UTC", "Depot", "CP-1", Decimal(1), 1, old, new))
    for name in ("sessions", "old_minor", "new_minor", "difference_minor", "energy_wh"):
        assert sum(getattr(sums, name) for sums in found.hours) == getattr(found.all, name)
    assert found.all.difference_minor == sum(new - old for _, old, new in rows)


@pytest.mark.parametrize("text", ["2026-13", "2026-1", "26-01", "", "1999-01", "2026-02-01"])
def test_what_is_no_month_is_refused(text):
    with pytest.raises(Invalid, match="Type a month"):
        period.month(text)


def test_the_month_before_is_whole():
    assert period.month_before(date(2026, 3, 31)) == period.month("2026-02")
    assert period.month_before(date(2026, 1, 1)) == period.month("2025-12")


# The desk.


@pytest.fixture
def kerb(db, made):
    return db.query(Tariff).filter_by(name="Kerb day/night").one()


def typed(price="0.60", **more):
    """What the editor sends when the draft is put on the bench."""
    prices = {"components-0-kind": "energy", "components-0-price": price}
    whole = {"name": "Kerb day/night", "currency": "EUR", "tax_mode": "inclusive"}
    return {**whole, "tax_percent": "19", "month": "2026-11", "action": "bench", **prices, **more}


def test_a_draft_is_tried_in_the_editor_and_kept_there(admin, db, kerb):
    before = db.query(AuditEntry).count()
    answer = admin.post(f"/tariffs/{kerb.id}/edit", data=typed())
    text = answer.text
    assert answer.status_code == 200
    assert "sessions become dearer" in text
    assert 'id="components-0-price"' in text
    assert 'value="0.60"' in text
    db.expire_all()
    assert len(kerb.versions) == 1
    assert db.query(AuditEntry).count() == before


def test_the_bench_is_given_as_a_file(admin, kerb):
    answer = admin.post(f"/tariffs/{kerb.id}/edit?format=csv", data=typed())
    assert answer.mimetype == "text/csv"
    assert "tariff-bench-2026-11" in answer.headers["Content-Disposition"]
    rows = list(csv.DictReader(io.StringIO(answer.text.lstrip("\ufeff"))))
    assert rows
    for row in rows:
        assert Decimal(row["draft"]) - Decimal(row["billed"]) == Decimal(row["difference"])


def test_what_cannot_be_read_is_said_on_the_bench(admin, kerb):
    text = admin.post(f"/tariffs/{kerb.id}/edit", data=typed(month="soon")).text
    assert "Type a month as 2026-10." in text
    text = admin.post("/tariffs/new", data=typed(price="dear")).text
    assert "price must be a number" in text


# The command line.


def test_a_definition_is_tried_on_the_command_line(app, db, made, tmp_path):
    db.commit()
    file = tmp_path / "draft.json"
    prices = [{"kind": "energy", "price": "0.60"}]
    document = {"schema": 1, "currency": "EUR", "components": prices}
    file.write_text(json.dumps([{"name": "Kerb", "definition": document}]))
    run = app.test_cli_runner()
    given = ["tariff", "bench", str(file), "--month", "2026-11"]
    shown = run.invoke(args=[*given, "--of", "kerb day/night"])
    assert shown.exit_code == 0, shown.output
    assert "sessions looked at" in shown.output
    hours = json.loads(run.invoke(args=[*given, "--json"]).stdout)
    assert hours[-1]["hour"] == "all"
    assert sum(row["sessions"] for row in hours[:-1]) == hours[-1]["sessions"]
    lines = run.invoke(args=[*given, "--csv", "-"]).stdout.splitlines()
    assert len(lines) == hours[-1]["sessions"] + 1
    refused = run.invoke(args=["tariff", "bench", str(file), "--month", "soon"])
    assert (refused.exit_code, refused.stderr) == (1, "Type a month as 2026-10.\n")
