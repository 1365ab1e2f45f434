"""Weeks of a network by chance: bills, lists, files, statements, reports and papers say what is
owed by the words of the tariffs, to the cent and the watt-hour.
"""

import csv
import io
import re
import zipfile
from collections import defaultdict
from datetime import UTC, datetime
from decimal import Decimal
from itertools import chain
from zoneinfo import ZoneInfo

import pytest
from pypdf import PdfReader

from app.domain.ground.vocabulary import SYSTEM, WebhookEvent
from app.domain.money import billing, statements
from app.domain.office import api_tokens, deliveries, staff
from app.extensions import db as flask_db
from app.models import Bill, ChargingSession
from app.queries.access import drivers
from app.queries.office import happenings
from app.schemas.told import TOLD
from app.text import letters, numbers, receipt_pdf, statement_words
from tests.api.client import Api
from tests.support import seed
from tests.support.months import BEFORE, Month

SEEDS = [(0, 1), *(pytest.param((n, 5), marks=pytest.mark.nightly) for n in range(1, 30))]
pytestmark = pytest.mark.timeout(600)
FIGURES = ("net_minor", "tax_minor", "gross_minor", "energy_wh")


@pytest.fixture(params=SEEDS, ids=lambda each: f"seed{each[0]}")
def month(any_app, request):
    db, now = flask_db.session(), datetime.now(UTC)
    made = Month(db, *request.param)
    who = {"email": "grace@example.org", "name": "Grace", "role": "admin"}
    grace = staff.create(db, SYSTEM, tenant_id=made.tenant.id, now=now, **who)
    _, secret = api_tokens.issue(db, SYSTEM, grace, name="test", now=now)
    db.commit()
    made.api, made.desk = Api(any_app, secret), seed.signed_in(any_app, grace)
    return made


def owed(month, key):
    """The sums of what is owed, by a key of session and bill."""
    found = defaultdict(lambda: [0, 0, 0, Decimal(0)])
    for one, entry in month.owed():
        for place, figure in enumerate(entry.figures[1:]):
            found[key(one, entry)][place] += figure
    return dict(found)


def currency(one, entry):
    return one.tariff["currency"]


def test_what_is_owed_stands_everywhere(any_app, month):
    in_bills(month)
    in_lists_and_files(month)
    in_statements(any_app, month)
    in_reports(month)
    in_webhooks(month)
    with any_app.test_request_context():
        on_papers(month)
    assert billing.verify(month.db, month.tenant.id).faults == []
    later = {"tenant_id": month.tenant.id, "now": month.later}
    assert list(billing.recompute(month.db, **later)) == []


def in_bills(month):
    for one in month.charged:
        rows = month.db.query(Bill).filter_by(session_id=one.id).order_by(Bill.sequence).all()
        told = [(row.kind, *(getattr(row, name) for name in FIGURES)) for row in rows]
        assert told == [entry.figures for entry in one.entries], one
        for row in rows:
            assert (row.site_id, row.currency) == (one.site.id, one.tariff["currency"])
            assert (row.driver_id or None) == (one.driver.id if one.driver else None)
            for name in FIGURES[:3]:
                assert sum(getattr(line, name) for line in row.lines) == getattr(row, name)
            told = month.api.get(f"/bills/{row.id}")
            assert [Decimal(str(told[name])) for name in FIGURES] == [
                getattr(row, name) for name in FIGURES
            ]
        session = month.db.get_one(ChargingSession, one.id)
        known = one.entries[-1].energy_wh if one.entries else one.energy_wh
        assert session.energy_wh == known, one


def in_lists_and_files(month):
    rows = table(month, "/bills")
    summed = defaultdict(lambda: [0, 0, 0, Decimal(0)])
    for row in rows:
        for place, name in enumerate(FIGURES):
            summed[row["currency"]][place] += Decimal(row[name])
    sums = owed(month, currency)
    assert summed == sums
    told = defaultdict(lambda: [0, 0, 0, Decimal(0)])
    for item in month.api.every("/bills"):
        for place, name in enumerate(FIGURES):
            told[item["currency"]][place] += Decimal(str(item[name]))
    assert told == sums
    foot = bare(month.desk.get("/bills?since=2026-01-01&until=2026-12-31").text)
    for code, (net, tax, gross, _) in sums.items():
        for minor in (net, tax, gross):
            assert bare(numbers.money(minor, code, "en")) in foot
    standing = [one for one in month.charged if one.entries and one.entries[-1].kind != "credit"]
    cost = {str(one.id): str(one.entries[-1].price.gross) for one in standing}
    assert {
        row["session"]: row["total_minor"] for row in table(month, "/sessions") if row["bill"]
    } == cost
    with zipfile.ZipFile(io.BytesIO(month.desk.get("/bills?format=xlsx").data)) as book:
        cells = book.read("xl/worksheets/sheet1.xml").decode()
    for _, entry in month.owed():
        assert f"<v>{entry.figures[3]}</v>" in cells


def in_webhooks(month):
    """What a webhook is told of each bill."""
    told = []
    for source in happenings.SOURCES:
        if source.event in (WebhookEvent.BILL_ISSUED, WebhookEvent.BILL_CORRECTED):
            about = (deliveries.Mark(BEFORE), {month.tenant.id}, month.later)
            found, _ = happenings.since(month.db, source, *about)
            rows = [TOLD[source.event].write(each.row) for each in found]
            told += [(row["kind"], *(Decimal(str(row[name])) for name in FIGURES)) for row in rows]
    assert sorted(told) == sorted(entry.figures for _, entry in month.owed())


def in_statements(app, month):
    def key(one, entry):
        day = entry.at.astimezone(ZoneInfo(one.used.zone)).date().replace(day=1)
        return one.driver, day, one.tariff["currency"]

    sums = owed(month, key)
    for driver in month.drivers:
        first = {day for known, day, _ in sums if known is driver}
        assert set(statements.months(month.db, driver, 20)) == first
        for day in first:
            found = statements.of(month.db, driver, day)
            told = {each.currency: [getattr(each, name) for name in FIGURES] for each in found.sums}
            mine = {code: sums[at] for at in sums for code in at[2:] if at[:2] == (driver, day)}
            assert told == mine
            with app.test_request_context():
                text = bare(statement_words.letter(found).text)
                papers = [text, bare(paper(receipt_pdf.statement(found, "en")))]
            papers.append(bare(month.desk.get(f"/drivers/{driver.id}/statements/{day:%Y-%m}").text))
            for code, (_, _, gross, _) in mine.items():
                assert all(bare(numbers.money(gross, code, "en")) in each for each in papers)
        whole = owed(month, lambda one, entry: (one.driver, one.tariff["currency"]))
        for told in drivers.sums(month.db, driver):
            assert [told.gross_minor, told.energy_wh] == whole[driver, told.currency][2:]


NAMES = {
    "site": lambda month, one: one.site.name,
    "driver": lambda month, one: one.driver.name if one.driver else None,
    "tariff": lambda month, one: f"Tariff {month.charged.index(one)}",
}


def in_reports(month):
    first, last = (end(one.day() for one in month.charged) for end in (min, max))
    for since, until in ((first, last), ("2026-03-29", "2026-03-31"), ("2026-04-01", last)):
        period = f"from_day={since}&to_day={until}"
        within = [one for one in month.charged if since <= one.day() <= until]
        for by, name in NAMES.items():
            in_revenue(month, within, f"{period}&by={by}", name)
        whole = month.api.get(f"/reports/energy?{period}")["whole"]
        told = sum(Decimal(str(each["figures"]["energy"])) for each in whole)
        assert told == sum(
            one.entries[-1].energy_wh if one.entries else one.energy_wh for one in within
        )


def in_revenue(month, within, asked, name):
    def key(one, entry):
        return (name(month, one), one.tariff["currency"]) if one in within else None

    sums = owed(month, key)
    sums.pop(None, None)
    names, found = {label for label, _ in filter(None, sums)}, {}
    for line in month.api.get(f"/reports/revenue?{asked}")["lines"]:
        label = line["label"] if line["label"] in names else None
        figures = [line["figures"][each] for each in ("net", "tax", "gross", "energy")]
        found[label, line["currency"]] = [Decimal(str(each)) for each in figures]
    assert found == sums


def on_papers(month):
    last = month.db.query(Bill).order_by(Bill.id.desc()).limit(4)
    for number, bill in enumerate(last):
        rates = defaultdict(lambda: [0, 0])
        for line in bill.lines:
            rates[line.tax_percent][0] += line.net_minor
            rates[line.tax_percent][1] += line.tax_minor
        amounts = [bill.gross_minor, *chain(*(told for told in rates.values() if told[1]))]
        locale = ("en", "de")[number % 2]
        mail = letters.receipt(bill, locale)
        for text in (mail.text, mail.html, paper(receipt_pdf.receipt(bill, locale))):
            for minor in amounts:
                assert bare(numbers.money(minor, bill.currency, locale)) in bare(text)


def bare(text):
    """A text without blanks, what parts thousands, signs of currencies and of less than nothing."""
    return re.sub(r"[^\d.A-Za-z]|[A-Z]{3}", "", text)


def paper(data):
    return "".join(page.extract_text() for page in PdfReader(io.BytesIO(data)).pages)


def table(month, address):
    text = month.desk.get(f"{address}?format=csv").text.removeprefix("\ufeff")
    return list(csv.DictReader(io.StringIO(text)))
