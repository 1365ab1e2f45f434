"""Drivers: people who charge and get receipts."""

from dataclasses import replace
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import selectinload

from app.api.ground import _rows
from app.api.ground import _shapes as s
from app.api.ground._noun import Ask, Noun, Reply
from app.api.ground._paging import Pages
from app.api.ground._shapes import Body
from app.domain.access import drivers
from app.domain.access.drivers import LANGUAGES, DriverFacts
from app.models import Driver
from app.uow import unit_of_work

noun = Noun("drivers", "People who charge.")
blueprint = noun.blueprint

DRIVER = _rows.shape(
    "Driver",
    "A person; receipts go to `email`. `site_ids`: whose matter they are; none: of all sites.",
    Driver,
    without=("email_key",),
    site_ids=s.listed(s.integer(), read=lambda row: [site.id for site in row.sites]),
)
_REST = {
    "email": s.text(most=254, null=True),
    "language": s.word(tuple(LANGUAGES), "Of the receipts."),
    "note": s.text(most=500, null=True),
    "tariff_id": s.row_id(null=True),
    "site_ids": s.row_ids(),
}
NEW = Body(
    "NewDriver",
    "A driver to be added.",
    {"name": s.text(least=1, most=120)},
    _REST,
    example={"name": "Ada Lovelace", "email": "ada@example.org"},
)
CHANGES = Body("DriverChanges", "What is to be different.", {}, {**NEW.required, **_REST})


@noun.get(
    "/drivers",
    "viewer",
    "List drivers",
    answers={200: Pages(DRIVER)},
    query={"email": s.text("In any case.", most=254), "archived": s.boolean()},
)
def list_(ask: Ask) -> Any:
    """The drivers, in the order in which they were added."""
    query = select(Driver).options(selectinload(Driver.sites))
    archived = ask.query.get("archived", False)
    gone = Driver.archived_at.is_not(None)
    query = query.where(gone if archived else ~gone)
    if "email" in ask.query:
        query = query.where(Driver.email_key == ask.query["email"].strip().casefold())
    return ask.page(query, Driver.id, newest=False)


@noun.get("/drivers/{driver_id}", "viewer", "Read a driver", answers={200: DRIVER})
def show(ask: Ask, driver_id: int) -> Any:
    """One driver; the tags are at /tags?driver_id=…"""
    return ask.get(Driver, driver_id, "driver")


@noun.post(
    "/drivers", "operator", "Add a driver", body=NEW, answers={201: DRIVER}, problems=(404, 409)
)
def create(ask: Ask) -> Any:
    """Add a driver."""
    with unit_of_work() as db:
        driver = drivers.add(
            db, ask.actor, DriverFacts(**ask.body), tenant_id=ask.tenant_id, now=ask.now
        )
    return Reply(201, driver, {"Location": f"/api/v1/drivers/{driver.id}"})


@noun.patch(
    "/drivers/{driver_id}",
    "operator",
    "Change a driver",
    body=CHANGES,
    answers={200: DRIVER},
    problems=(409,),
)
def edit(ask: Ask, driver_id: int) -> Any:
    """Change what is given and leave the rest."""
    driver = ask.get(Driver, driver_id, "driver")
    with unit_of_work() as db:
        facts = replace(drivers.facts_of(driver), **ask.body)
        drivers.edit(db, ask.actor, driver, facts, now=ask.now)
    return driver


@noun.post("/drivers/{driver_id}/archive", "operator", "Archive a driver", answers={200: DRIVER})
def archive(ask: Ask, driver_id: int) -> Any:
    """Put a driver and their tags away; sessions, bills and receipts stay."""
    driver = ask.get(Driver, driver_id, "driver")
    with unit_of_work() as db:
        drivers.archive(db, ask.actor, driver, now=ask.now)
    return driver


@noun.post("/drivers/{driver_id}/restore", "operator", "Restore a driver", answers={200: DRIVER})
def restore(ask: Ask, driver_id: int) -> Any:
    """Take a driver back; their tags are restored one by one."""
    driver = ask.get(Driver, driver_id, "driver")
    with unit_of_work() as db:
        drivers.restore(db, ask.actor, driver, now=ask.now)
    return driver
