"""Files of lists: named after their period and filter, with times on the reader's clock."""

import csv
import io
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from app.models import ChargingSession
from tests.support import seed


def name_of(answer):
    assert answer.status_code == 200
    return answer.headers["Content-Disposition"].partition("filename=")[2].strip('"')


def rows_of(answer):
    return list(csv.DictReader(io.StringIO(answer.text.lstrip("\ufeff"))))


def today(client):
    return name_of(client.get("/tariffs?format=csv")).removeprefix("tariffs-").removesuffix(".csv")


def test_a_file_of_sessions_carries_its_period_and_its_filter(made, viewer):
    depot = made.sites["Depot Nord"].id
    query = f"since=2026-11-01&until=2026-11-30&site={depot}&state=charging&sort=-ended"
    assert name_of(viewer.get(f"/sessions?{query}&format=csv")) == (
        "sessions-2026-11-01-to-2026-11-30-site-depot-nord-charging.csv"
    )


@pytest.mark.parametrize(
    ("address", "name"),
    [
        ("/sessions?until=2026-11-30", "sessions-to-2026-11-30.csv"),
        ("/bills?since=2026-11-01&until=2026-11-01", "bills-2026-11-01-to-2026-11-01.csv"),
        ("/audit?from=2026-11-01&to=2026-11-02", "audit-2026-11-01-to-2026-11-02.csv"),
        ("/commands?from=2026-11-01&to=2026-11-02", "commands-2026-11-01-to-2026-11-02.csv"),
        ("/messages?since=2026-11-01T09:00&until=2026-11-02T09:00&action=Heartbeat",
         "messages-2026-11-01-to-2026-11-02-action-heartbeat.csv"),
    ],
)  # fmt: skip
def test_the_period_is_told_in_the_readers_days(app, made, address, name):
    admin = seed.signed_in(app, made.people["admin"])
    assert name_of(admin.get(f"{address}&format=csv")) == name


def test_a_list_without_a_period_is_named_after_its_day(made, viewer):
    day = today(viewer)
    datetime.strptime(day, "%Y-%m-%d")
    assert name_of(viewer.get("/tags?format=csv&state=blocked")) == f"tags-{day}-blocked.csv"
    driver = made.drivers["Ada"].id
    assert name_of(viewer.get(f"/tags?format=csv&driver={driver}&q=Größe/../")) == (
        f"tags-{day}-driver-ada-lovelace-q-grosse.csv"
    )


def test_a_thing_that_is_not_there_is_named_by_its_number(made, viewer):
    day = today(viewer)
    assert name_of(viewer.get("/sessions?format=csv&site=99999999999")) == (
        f"sessions-{day}-site-99999999999.csv"
    )


@pytest.mark.parametrize(
    ("language", "formats", "line"),
    [
        ("en", None, "52.5163,13.404,63.5"),
        ("de", None, "52,5163;13,404;63,5"),
        ("de", "iso", "52.5163,13.404,63.5"),
    ],
)
def test_a_spreadsheet_opens_a_file_as_its_reader_writes_numbers(
    made, db, viewer, language, formats, line
):
    site, person = made.sites["Depot Nord"], made.people["viewer"]
    site.latitude, site.longitude, site.supply_limit_kw = 52.5163, 13.404, Decimal("63.5")
    person.language, person.formats = language, formats
    db.commit()
    assert line in viewer.get("/sites?format=csv").text


def test_times_of_a_file_are_the_readers_with_their_offset(made, db, viewer):
    session = db.query(ChargingSession).order_by(ChargingSession.id).first()
    session.started_at = datetime(2026, 11, 27, 4, 12, tzinfo=UTC)
    db.commit()
    rows = {row["session"]: row for row in rows_of(viewer.get("/sessions?format=csv"))}
    assert rows[str(session.id)]["started"] == "2026-11-27T05:12:00+01:00"
