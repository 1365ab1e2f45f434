"""A bill comes to the same wherever it is read: mail, PDF, pages, files, API, statement, report.

In currencies of no, two and three decimals, with two rates of tax, over the change to summer time
and over the end of a month.
"""

import csv
import io
import re
import zipfile
from datetime import UTC, date, datetime

import pytest
from pypdf import PdfReader

from app.domain.ground.vocabulary import SYSTEM
from app.domain.money import statements
from app.domain.money.tariffs import exponent
from app.domain.network import tenants
from app.domain.office import api_tokens, staff
from app.extensions import db as flask_db
from app.models import Tenant
from app.text import letters, numbers, receipt_pdf, statement_words
from tests.api.client import Api
from tests.support import lone, seed
from tests.support.charging import network

#: Half past midnight before the clocks go on, and twenty to midnight of the last of March.
BEGAN = datetime(2026, 3, 28, 23, 30, tzinfo=UTC), datetime(2026, 3, 31, 21, 40, tzinfo=UTC)
#: A kilowatt-hour, a minute, a start; tax, and whether it is within.
PRICES = {
    "EUR": ("0.39", "0.037", "0.35", "19", "inclusive"),
    "JPY": ("39", "3.7", "35", "10", "exclusive"),
    "KWD": ("0.0393", "0.0037", "0.0355", "7.7", "inclusive"),
}
#: What both come to in minor units: 150 minutes of charging before four o'clock each.
COMES_TO = {"EUR": (1344, 928), "JPY": (1471, 1013), "KWD": (1350, 931)}


def definition(currency):
    energy, time, start, tax, mode = PRICES[currency]
    return {
        "schema": 1, "currency": currency, "tax": {"mode": mode, "percent": tax},
        "components": [
            {"kind": "start", "price": start},
            {"kind": "energy", "price": energy},
            {"kind": "charging_time", "price": time, "when": {"from": "00:00", "until": "04:00"}},
            {"kind": "idle", "price": time, "tax_percent": "0"},
        ],
    }  # fmt: skip


def billed(net, began, wh, minutes):
    session = net.session(started_at=began, wh=wh, minutes=minutes, currency=net.site.currency)
    for minute in range(0, minutes - 20, 10):
        net.reading(session, minute, wh * minute // (minutes - 21))
    net.reading(session, minutes, wh)
    return lone.issue(net.db, session.id, now=session.ended_at)


@pytest.fixture(params=PRICES)
def net(app, request):
    """Two billed sessions of a driver, and an admin at the desk and with a token."""
    db, now = flask_db.session(), datetime.now(UTC)
    net = network(db)
    net.version.definition = definition(request.param)
    net.site.currency = net.version.tariff.currency = request.param
    tenant = db.get_one(Tenant, net.site.tenant_id)
    tenants.edit(db, SYSTEM, tenant, now=now, seller_name="Quay", seller_address="Hull")
    net.bills = [billed(net, BEGAN[0], 17_333, 271), billed(net, BEGAN[1], 6_667, 191)]
    who = {"email": "grace@example.org", "name": "Grace", "role": "admin"}
    grace = staff.create(db, SYSTEM, tenant_id=tenant.id, now=now, **who)
    _, secret = api_tokens.issue(db, SYSTEM, grace, name="test", now=now)
    db.commit()
    net.api, net.desk = Api(app, secret), seed.signed_in(app, grace)
    return net


def bare(text):
    """A text without what parts thousands, and amounts from their signs."""
    return re.sub(r"[\s,]", "", text)


def paper(data):
    return "".join(page.extract_text() for page in PdfReader(io.BytesIO(data)).pages)


def rows(net, address):
    text = net.desk.get(f"{address}?format=csv").text.removeprefix("\ufeff")
    return list(csv.DictReader(io.StringIO(text)))


def said(net, minor):
    """An amount as people read it, but for its sign."""
    return re.sub(r"[^\d.]", "", numbers.money(minor, net.site.currency, "en"))


def test_a_bill_comes_to_the_same_everywhere(app, net):
    gross = [bill.gross_minor for bill in net.bills]
    assert tuple(gross) == COMES_TO[net.site.currency]
    for bill in net.bills:
        sums = {name: getattr(bill, name) for name in ("net_minor", "tax_minor", "gross_minor")}
        assert sums["net_minor"] + sums["tax_minor"] == bill.gross_minor
        assert sums == {name: sum(getattr(one, name) for one in bill.lines) for name in sums}
        told = net.api.get(f"/bills/{bill.id}")
        assert sums == {name: told[name] for name in sums}
    with app.test_request_context():
        mail, amount = letters.receipt(bill, "en"), said(net, bill.gross_minor)
        texts = [mail.text, mail.html, paper(receipt_pdf.receipt(bill, "en"))]
    for page in (f"/bills/{bill.id}", f"/sessions/{bill.session_id}", "/bills"):
        texts.append(net.desk.get(page).text)
    assert all(amount in bare(text) for text in texts)
    assert sorted(int(row["gross_minor"]) for row in rows(net, "/bills")) == sorted(gross)
    assert sorted(int(row["total_minor"]) for row in rows(net, "/sessions")) == sorted(gross)
    with zipfile.ZipFile(io.BytesIO(net.desk.get("/bills?format=xlsx").data)) as book:
        cells = book.read("xl/worksheets/sheet1.xml").decode()
    assert all(f"<v>{minor}</v>" in cells for minor in gross)


def test_a_bill_stands_in_the_month_it_was_issued_in_and_in_the_report_of_its_beginning(app, net):
    months = [statements.of(net.db, net.driver, date(2026, month, 1)) for month in (3, 4)]
    assert [[one.gross_minor for one in month.sums] for month in months] == [
        [bill.gross_minor] for bill in net.bills
    ]
    for month in months:
        with app.test_request_context():
            amount = said(net, month.sums[0].gross_minor)
            texts = [statement_words.letter(month).text, paper(receipt_pdf.statement(month, "en"))]
        texts.append(net.desk.get(f"/drivers/{net.driver.id}/statements/{month.month}").text)
        assert all(amount in bare(text) for text in texts)
    report = net.api.get("/reports/revenue?from_day=2026-03-01&to_day=2026-03-31")
    figures = report["whole"][0]["figures"]
    assert figures["gross"] == sum(COMES_TO[net.site.currency]) == figures["net"] + figures["tax"]
    shown = net.desk.get("/reports?kind=revenue&from=2026-03-01&to=2026-03-31").text
    assert f'"places":{exponent(net.site.currency)}' in bare(shown)
    for minor in COMES_TO[net.site.currency]:
        assert f'"num">{said(net, minor)}<' in bare(shown)
