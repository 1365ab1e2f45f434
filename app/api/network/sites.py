"""Sites: places with a time zone and a currency."""

from typing import Any

from sqlalchemy import select

from app.api.ground import _rows
from app.api.ground import _shapes as s
from app.api.ground._noun import Ask, Noun, Reply
from app.api.ground._paging import Pages
from app.api.ground._shapes import Body
from app.domain.network import sites
from app.models import Site
from app.uow import unit_of_work

noun = Noun("sites", "Places where stations stand.")
blueprint = noun.blueprint

SITE = _rows.shape("Site", "A place; tariffs follow its wall clock.", Site, without=("name_key",))
_PLACE = {
    "address": s.text(most=300, null=True),
    "latitude": s.number(null=True),
    "longitude": s.number(null=True),
    "supply_limit_kw": s.exact("Power of the grid connection.", null=True),
    "tariff_id": s.row_id(null=True),
    "seller_name": s.text("On receipts instead of the organisation's.", most=120, null=True),
    "seller_address": s.text(most=300, null=True),
    "seller_tax_number": s.text(most=40, null=True),
    "seller_contact": s.text(most=254, null=True),
}
_NAMES = {
    "name": s.text(least=1, most=120),
    "timezone": s.text("As Europe/Berlin.", most=64),
    "currency": s.text("As EUR.", most=3),
}
NEW = Body(
    "NewSite",
    "A site to be added.",
    _NAMES,
    _PLACE,
    example={"name": "Depot", "timezone": "Europe/Berlin", "currency": "EUR"},
)
CHANGES = Body("SiteChanges", "What is to be different.", {}, {**_NAMES, **_PLACE})


@noun.get(
    "/sites",
    "viewer",
    "List sites",
    answers={200: Pages(SITE)},
    query={"name": s.text("In any case.", most=120), "archived": s.boolean()},
)
def list_(ask: Ask) -> Any:
    """The sites in reach, in the order in which they were added."""
    query = select(Site)
    archived = ask.query.get("archived", False)
    query = query.where(Site.archived_at.is_not(None) if archived else Site.archived_at.is_(None))
    if "name" in ask.query:
        query = query.where(Site.name_key == ask.query["name"].strip().casefold())
    return ask.page(query, Site.id, newest=False)


@noun.get("/sites/{site_id}", "viewer", "Read a site", answers={200: SITE})
def show(ask: Ask, site_id: int) -> Any:
    """One site."""
    return ask.get(Site, site_id, "site")


@noun.post(
    "/sites",
    "operator",
    "Add a site",
    body=NEW,
    answers={201: SITE},
    problems=(409,),
    everywhere=True,
)
def create(ask: Ask) -> Any:
    """Add a site; for tokens that reach all sites."""
    with unit_of_work() as db:
        site = sites.add(db, ask.actor, ask.tenant_id, now=ask.now, **ask.body)
    return Reply(201, site, {"Location": f"/api/v1/sites/{site.id}"})


@noun.patch(
    "/sites/{site_id}",
    "operator",
    "Change a site",
    body=CHANGES,
    answers={200: SITE},
    problems=(409,),
)
def edit(ask: Ask, site_id: int) -> Any:
    """Change what is given and leave the rest."""
    site = ask.get(Site, site_id, "site")
    with unit_of_work() as db:
        sites.edit(db, ask.actor, site, now=ask.now, **ask.body)
    return site


@noun.post(
    "/sites/{site_id}/archive", "operator", "Archive a site", answers={200: SITE}, problems=(409,)
)
def archive(ask: Ask, site_id: int) -> Any:
    """Put a site away; refused while stations stand there."""
    site = ask.get(Site, site_id, "site")
    with unit_of_work() as db:
        sites.archive(db, ask.actor, site, now=ask.now)
    return site


@noun.post("/sites/{site_id}/restore", "operator", "Restore a site", answers={200: SITE})
def restore(ask: Ask, site_id: int) -> Any:
    """Take a site out of the archive."""
    site = ask.get(Site, site_id, "site")
    with unit_of_work() as db:
        sites.restore(db, ask.actor, site, now=ask.now)
    return site
