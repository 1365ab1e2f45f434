"""From an empty database to a bill whose receipt was sent: one token, and the API alone."""

from datetime import UTC, datetime, timedelta

import pytest

from tests.support.depot import TAG, TARIFF
from tests.support.fixtures import DATABASES
from tests.support.program import Program
from tests.support.wait import eventually

#: By day test_generated_client.py does all of it and more, and test_running.py speaks plain HTTP.
pytestmark = [pytest.mark.nightly, pytest.mark.processes, pytest.mark.timeout(600)]

# By hand: 1.00 + 7.350 kWh x 0.40 = 3.94 with tax.
START_WH, STOP_WH, GROSS_MINOR = 10_000, 17_350, 394


@pytest.fixture
def program(make_site, smtp_server, database):
    """A whole new installation, and a program with the first admin's token."""
    site = make_site(database, smtp_url=smtp_server.url)
    run = site.app.test_cli_runner().invoke
    admin = run(args=["user", "create-admin", "ops@example.org", "--password", "a long password"])
    assert admin.exit_code == 0, admin.output
    made = run(args=["token", "add", "ops@example.org", "--name", "program"])
    assert made.exit_code == 0, made.output
    program = Program(site.desk_url, made.stdout.strip())
    program.charger_url = site.charger_url
    return program


@pytest.mark.parametrize("database", DATABASES)
def test_a_session_is_billed_by_the_api_alone(program, charge_point, smtp_server):
    seller = {"seller_name": "Volt GmbH", "seller_address": "Hauptstr. 1, 10115 Berlin"}
    assert program.patch("/organisation", seller)["seller_name"] == "Volt GmbH"
    place = {"name": "Depot", "timezone": "Europe/Berlin", "currency": "EUR"}
    site = program.post("/sites", place)
    tariff = program.post("/tariffs", {"name": "Public", "definition": TARIFF})
    program.patch(f"/sites/{site['id']}", {"tariff_id": tariff["id"]})
    _, password = program.station("CP-1", site["id"])
    driver = program.post("/drivers", {"name": "Ada Lovelace", "email": "ada@example.org"})
    program.post("/tags", {"value": TAG, "driver_id": driver["id"]})

    charger = charge_point(program.charger_url, "CP-1", password)
    charger.connect()
    charger.boot()
    ended = datetime.now(UTC).replace(microsecond=0)
    transaction = charger.start(TAG, START_WH, ended - timedelta(minutes=40)).transaction_id
    charger.stop(transaction, STOP_WH, ended, TAG)

    def sent():
        bills = program.get("/bills?receipt=sent")["items"]
        return bills and program.get(f"/bills/{bills[0]['id']}")

    bill = eventually(sent, within=180, what="the receipt is sent")
    assert (bill["gross_minor"], bill["energy_wh"]) == (GROSS_MINOR, STOP_WH - START_WH)
    assert bill["seller"]["name"] == "Volt GmbH"
    assert [line["kind"] for line in bill["lines"]] == ["start", "energy"]
    assert bill["receipt"]["recipient"] == "ada@example.org"
    session = program.get(f"/sessions/{bill['session_id']}")
    assert (session["billing"], session["cost_minor"]) == ("billed", GROSS_MINOR)
    (mail,) = smtp_server.messages
    assert "3.94" in mail.get_body(("plain",)).get_content()
