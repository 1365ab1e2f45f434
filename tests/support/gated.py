"""A worker's port with the real gate before it: stations of a test's own on a real database."""

import base64
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from flask import Flask
from sqlalchemy import select

from app.extensions import db as flask_db
from app.models import HandshakeAttempt, Station
from tests.support import stations
from tests.support.ocpp_port import OcppPort
from worker.batch import Batch
from worker.gate import Gate

PASSWORD = "correct horse battery"


@contextmanager
def gated(app: Flask, tls: Any = None, **settings: Any) -> Iterator[OcppPort]:
    """A running port whose gate asks the database of `app`."""
    with OcppPort(make_gate=lambda: Gate(app, Batch(app)), tls=tls, **settings) as port:
        yield port


def station(db: Any, identity: str, **facts: Any) -> Station:
    """Register a station whose password is `PASSWORD`; `facts` are columns."""
    now = datetime.now(UTC)
    made = stations.register(db, identity, now=now, password=PASSWORD)
    for name, value in facts.items():
        setattr(made, name, value)
    db.commit()
    return made


def login(identity: str, password: str = PASSWORD) -> dict[str, str]:
    """The header that HTTP Basic has."""
    secret = base64.b64encode(f"{identity}:{password}".encode()).decode()
    return {"Authorization": f"Basic {secret}"}


def last_knock(app: Flask, identity: str, reason: str = "") -> HandshakeAttempt | None:
    """The newest attempt of an identity to connect, of those that ended with `reason`."""
    wanted = [HandshakeAttempt.reason == reason] if reason else []
    with app.app_context():
        return flask_db.session.scalar(
            select(HandshakeAttempt)
            .where(HandshakeAttempt.identity == identity, *wanted)
            .order_by(HandshakeAttempt.id.desc())
            .limit(1)
        )
