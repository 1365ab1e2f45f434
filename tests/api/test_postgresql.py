"""Every list with every filter on PostgreSQL, which is stricter than SQLite."""

from datetime import UTC, datetime

import pytest
from sqlalchemy import select

from app.api.ground._endpoint import ENDPOINTS
from app.domain.ground.vocabulary import SYSTEM
from app.domain.office import api_tokens
from app.extensions import db as flask_db
from app.models import FileJob, Reservation
from app.schemas.base import json_schema
from tests.api.client import Api
from tests.security import furniture
from tests.support import seed

pytestmark = [pytest.mark.postgres, pytest.mark.landing]


#: Filters that take a text of their own form.
FORMED = {
    "starts": "2026-01-31T22:00",
    "timezone": "Europe/Berlin",
    "currency": "EUR",
    "kinds": "order.ended",
    "after": "1.x",
    "seconds": "0",
    "month": "2026-10",
}


def value_of(schema):
    """A value that a filter takes."""
    if "enum" in schema:
        return schema["enum"][0]
    if schema.get("format") == "date-time":
        return "2026-03-02T09:00:00Z"
    text = "a'%\\"[: schema.get("maxLength", 9)]
    return {"integer": "1", "boolean": "true"}.get(schema["type"], text)


def test_everything_is_told_with_every_filter(postgres_app):
    db, now = flask_db.session(), datetime.now(UTC)
    made = seed.fill(db, now, history=3)
    tenant_id = made.people["admin"].tenant_id
    furniture.furnish(db, tenant_id, now)
    _, secret = api_tokens.issue(db, SYSTEM, made.people["admin"], name="test", now=now)
    db.commit()
    ids = {
        "station_id": made.stations["CP-03"].id,
        "session_id": made.sessions["finished"].id,
        "reservation_id": db.scalar(select(Reservation.id).limit(1)),
        "job_id": db.scalar(select(FileJob.id).limit(1)),
        "order_id": 1,
        "month": "2026-10",
    }
    api = Api(postgres_app, secret)
    for endpoint in ENDPOINTS:
        if endpoint.method != "GET":
            continue
        path = endpoint.path
        for name in (part[1:-1] for part in path.split("/") if part.startswith("{")):
            path = path.replace(f"{{{name}}}", str(ids.get(name, 1)))
        parameters = json_schema(endpoint.query)["properties"]
        ends = {"seconds": "0"} if "seconds" in parameters else {}
        found = api.ask("GET", path, (200, 404), query_string=ends)
        if "cursor" in parameters and found["next"]:
            api.get(found["next"])
        for name, schema in parameters.items():
            if name not in ("cursor", "wait"):
                given = {**ends, name: FORMED.get(name) or value_of(schema)}
                api.ask("GET", path, (200, 404), query_string=given)


def test_things_are_made_once_on_postgresql(postgres_app):
    db, now = flask_db.session(), datetime.now(UTC)
    made = seed.fill(db, now, history=1)
    _, secret = api_tokens.issue(db, SYSTEM, made.people["admin"], name="test", now=now)
    db.commit()
    api = Api(postgres_app, secret)
    key = {"headers": {"Idempotency-Key": "one"}}
    given = {"identity": "PG-1", "site_id": made.stations["CP-01"].site_id}
    first = api.post("/stations", given, **key)
    assert api.post("/stations", given, **key) == first
    api.post("/stations", {**given, "identity": "PG-2"}, 422, **key)
    tag = api.post("/tags", {"value": "04PG", "site_ids": [given["site_id"]]})
    assert api.patch(f"/tags/{tag['id']}", {"status": "blocked"})["status"] == "blocked"
