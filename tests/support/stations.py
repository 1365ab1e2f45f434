"""Stations of a test's own, at a depot in Berlin: added by the operations that staff use."""

from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import Any

import pytest
from click.testing import Result
from flask import Flask
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.domain.ground.vocabulary import SYSTEM
from app.domain.network import sites, stations, tenants
from app.models import Site, Station, Tenant

#: What a site must have beside its name.
PLACE = {"timezone": "Europe/Berlin", "currency": "EUR"}


def depot_of(db: Session, *, now: datetime, **given: Any) -> Site:
    """The first site there is, else a new one called Depot."""
    tenant = tenants.first(db, now=now)
    known = db.scalar(select(Site).order_by(Site.id))
    facts = {"name": "Depot", **PLACE, **given}
    return known or sites.add(db, SYSTEM, tenant.id, now=now, **facts)


def register(db: Session, identity: str = "CP-7", *, now: datetime, **given: Any) -> Station:
    """Register a station at the depot."""
    depot = depot_of(db, now=now)
    return stations.register(db, SYSTEM, depot.tenant_id, depot, identity, now=now, **given)[0]


@pytest.fixture
def tenant(db: Session, now: datetime) -> Tenant:
    """The organisation of a test's rows."""
    return tenants.first(db, now=now)


@pytest.fixture
def depot(db: Session, now: datetime) -> Site:
    """A site of theirs."""
    return depot_of(db, now=now)


@pytest.fixture
def flask(app: Flask) -> Callable[..., Result]:
    """Type a command: `flask("station", "show", station.id)`."""
    return partial(_typed, app)


def _typed(app: Flask, *arguments: object, **given: Any) -> Result:
    return app.test_cli_runner().invoke(args=[str(argument) for argument in arguments], **given)
