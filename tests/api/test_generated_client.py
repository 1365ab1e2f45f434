"""A whole day of operation by a client that was generated from the document."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from tests.support.depot import MAIL, TAG, TARIFF
from tests.support.generated import Generated
from tests.support.site import Site
from tests.support.wait import eventually

pytestmark = [pytest.mark.processes, pytest.mark.landing, pytest.mark.timeout(600)]

# By hand: 1.00 + 7.350 kWh x 0.40 = 3.94 with tax; then 5.000 kWh, so 3.00.
START_WH, STOP_WH, GROSS_MINOR, RIGHT_WH, RIGHT_MINOR = 10_000, 17_350, 394, 5_000, 300


@pytest.fixture
def site(make_site, smtp_server):
    return make_site("sqlite", smtp_url=smtp_server.url)


@pytest.fixture
def client(site: Site, tmp_path_factory) -> Generated:
    """The generated client, with the token of a new installation's first admin."""
    run = site.app.test_cli_runner().invoke
    admin = run(args=["user", "create-admin", "ops@example.org", "--password", "a long password"])
    assert admin.exit_code == 0, admin.output
    made = run(args=["token", "add", "ops@example.org", "--name", "program"])
    assert made.exit_code == 0, made.output
    document = site.app.test_client().get("/api/v1/openapi.json").json
    generated = Generated(tmp_path_factory.mktemp("generated"), document)
    generated.connect(site.desk_url, made.stdout.strip())
    return generated


def test_a_day_of_operation(client, site, charge_point, smtp_server):
    ask, models = client.ask, client.models
    assert all(client.has(operation) for operation in client.operations())

    # In the morning: who sells, where, at which price, by which station and to whom.
    seller = {"seller_name": "Volt GmbH", "seller_address": "Hauptstr. 1, 10115 Berlin"}
    ask("organisation.edit", body=models.OrganisationChanges.from_dict(seller))
    place = models.NewSite(name="Depot", timezone="Europe/Berlin", currency="EUR")
    depot = ask("sites.create", 201, body=place)
    price = models.NewTariff.from_dict({"name": "Public", "definition": TARIFF})
    tariff = ask("tariffs.create", 201, body=price)
    changes = models.SiteChanges(tariff_id=tariff.id)
    assert ask("sites.edit", site_id=depot.id, body=changes).tariff_id == tariff.id
    new = models.NewStation(identity="CP-1", site_id=depot.id)
    station = ask("stations.create", 201, body=new)
    driver = ask("drivers.create", 201, body=models.NewDriver(name="Ada Lovelace", email=MAIL))
    ask("tags.create", 201, body=models.NewTag(value=TAG, driver_id=driver.id))

    # The station connects, and does what it is asked.
    charger = charge_point(site.charger_url, "CP-1", station.password)
    charger.connect()
    charger.boot()
    unlock = models.UnlockOrder.from_dict({"order": "unlock", "arguments": {"connector": 1}})
    order = ask("orders.create", station_id=station.id, body=unlock, wait=30)
    assert (order.state, order.settled) == ("accepted", True)
    refused = ask("orders.create", 404, station_id=station.id + 1, body=unlock)
    assert refused.code == "not_found"

    # A session, its bill and its receipt.
    ended = datetime.now(UTC).replace(microsecond=0)
    begun = charger.start(TAG, START_WH, ended - timedelta(minutes=40)).transaction_id
    charger.stop(begun, STOP_WH, ended, TAG)
    bill = eventually(lambda: _sent(client), within=180, what="the receipt is sent")
    assert (bill.gross_minor, bill.energy_wh) == (GROSS_MINOR, STOP_WH - START_WH)
    assert [line.kind for line in bill.lines] == ["start", "energy"]
    assert bill.receipt.recipient == MAIL
    assert ask("bills.receipt_pdf", bill_id=bill.id).startswith(b"%PDF-")
    assert len(smtp_server.messages) == 1

    # A meter that ran backwards: the bill is held until somebody decides.
    odd = charger.start(TAG, STOP_WH, ended - timedelta(minutes=5)).transaction_id
    charger.stop(odd, START_WH, ended, TAG)
    (held,) = eventually(lambda: ask("reviews.list", decided=False).items)
    assert held.sentences
    decision = models.CorrectedApproval(note="Read by hand.", energy_wh=RIGHT_WH)
    decided = ask("reviews.correct", session_id=held.session_id, body=decision)
    assert decided.decision == "corrected"

    # The first bill is corrected, and the evening's report says it all.
    wrong = models.Correction(reason="The meter was read wrongly.", energy_wh=RIGHT_WH)
    assert ask("bills.correct", 201, bill_id=bill.id, body=wrong).gross_minor == RIGHT_MINOR
    eventually(lambda: _revenue(client) == 2 * RIGHT_MINOR, what="both are reported")


def _revenue(client):
    # A report's days are those of the sites' clocks.
    today = f"{datetime.now(ZoneInfo('Europe/Berlin')):%Y-%m-%d}"
    report = client.ask("reports.show", kind="revenue", to_day=today)
    return sum(line.figures["gross"] for line in report.whole)


def _sent(client):
    sent = client.models.BillsListReceipt.SENT
    bills = client.ask("bills.list", receipt=sent).items
    return bills and client.ask("bills.show", bill_id=bills[0].id)
