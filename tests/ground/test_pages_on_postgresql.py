"""Every page, export and sort order on PostgreSQL, which is stricter than SQLite."""

import re
from datetime import UTC, datetime

import pytest
from sqlalchemy import select

from app.extensions import db as flask_db
from app.models import Bill, Command, StrayStop
from tests.security.walk import body, pages
from tests.support import seed

pytestmark = [pytest.mark.postgres, pytest.mark.landing]

SORT = re.compile(r'href="([^"]*[?&;]sort=[^"]+)"')
SELECT = re.compile(r'<select[^>]* name="([^"]+)".*?</select>', re.S)
OPTION = re.compile(r'<option value="([^"]+)"')


class Side:
    """An id for every parameter of a URL."""

    def __init__(self, db, made):
        self.ids = {
            "station_id": made.stations["CP-03"].id,
            "site_id": made.sites["Depot Nord"].id,
            "session_id": made.sessions["finished"].id,
            "driver_id": made.drivers["Ada"].id,
            "tag_id": made.tags["Ada"].id,
            "user_id": made.people["admin"].id,
            "tariff_id": made.version.tariff_id,
            "bill_id": db.scalar(select(Bill.id).limit(1)),
            "command_id": db.scalar(select(Command.id).limit(1)),
            "stray_id": db.scalar(select(StrayStop.id).limit(1)),
        }


def test_every_page_works_with_every_filter_and_order(postgres_app):
    db = flask_db.session()
    made = seed.fill(db, datetime.now(UTC), history=3)
    db.commit()
    client, failed, seen = seed.signed_in(postgres_app, made.people["admin"]), [], 0
    for door, url in pages(postgres_app, Side(db, made)):
        first = client.get(url)
        variants = {} if door.ids else faces(url, body(first))
        for variant, answer in [(url, first), *((one, client.get(one)) for one in variants)]:
            seen += 1
            if answer.status_code >= 500:
                failed.append((variant, answer.status))
    assert not failed
    assert seen > 150


def faces(url, text):
    """A list's other faces: its exports, its search, its sort orders, its filters."""
    found = dict.fromkeys([f"{url}?format=csv", f"{url}?q=a%25", f"{url}?page=2"])
    found |= dict.fromkeys(link.replace("&amp;", "&") for link in SORT.findall(text))
    for match in SELECT.finditer(text):
        found |= {f"{url}?{match[1]}={value}": None for value in OPTION.findall(match[0])[:6]}
    return found
