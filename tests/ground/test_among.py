"""One parameter for many values: it finds what IN finds, by an index, on either database."""

import pytest
from sqlalchemy import select

from app.domain.ground.bulk import among
from app.extensions import db as flask_db
from app.models import Station
from tests.support.charging import network

STATION = Station.__table__
BY_ID = select(STATION.c.identity).where(among(STATION.c.id, "ids"))
BY_KEY = select(STATION.c.id).where(among(STATION.c.identity_key, "keys"))


@pytest.fixture
def station(any_app):
    return network(flask_db.session()).station


def test_numbers_and_texts_are_found_among_others(station):
    db = flask_db.session()
    assert db.scalars(BY_ID, {"ids": {station.id, station.id + 1}}).all() == [station.identity]
    odd = 'ö"\\,{}'
    assert db.scalars(BY_KEY, {"keys": [odd, station.identity_key]}).all() == [station.id]
    assert db.scalars(BY_KEY, {"keys": ()}).all() == []


def test_an_index_finds_them(station):
    db = flask_db.session()
    connection = db.connection()
    if connection.dialect.name == "sqlite":
        query = str(BY_KEY.compile(connection))
        plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {query}", ("[]",)).all()
        assert "SEARCH stations USING COVERING INDEX" in repr(plan)
    else:
        connection.exec_driver_sql("SET LOCAL enable_seqscan = off")
        query = str(BY_KEY.compile(connection))
        plan = connection.exec_driver_sql(f"EXPLAIN {query}", {"keys": ["a", "b"]}).all()
        assert "Index Cond" in repr(plan)
