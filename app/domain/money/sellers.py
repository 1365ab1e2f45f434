"""Who sells: what receipts name.  A tenant says it once, a site may replace any field of it."""

from collections.abc import Mapping

from app.models import Site, Tenant
from app.models.sites import Seller
from app.schemas.network import NewSite

#: field -> what a refusal calls it.
FIELDS = {
    "seller_name": "The seller's name",
    "seller_address": "The seller's address",
    "seller_tax_number": "The tax number",
    "seller_contact": "The contact",
}
#: Without these, a receipt does not say who sells.
NEEDED = ("name", "address")


def write(row: Seller, given: Mapping[str, object]) -> None:
    """Set what is given and leave the rest; each is one line, empty is none.  Raises `Invalid`."""
    for field, word in FIELDS.items():
        if field in given:
            value = given[field]
            text = NewSite.line(field, str(value) if value else None, word)
            setattr(row, field, text or None)


def of(tenant: Tenant, site: Site | None) -> dict[str, str]:
    """The seller at a site, field by field the site's own or the tenant's; the untold left out."""
    found = {}
    for field in FIELDS:
        own = getattr(site, field) if site is not None else None
        if text := own or getattr(tenant, field):
            found[field.removeprefix("seller_")] = text
    return found


def is_named(seller: Mapping[str, object]) -> bool:
    """Whether a receipt of this seller says who sells: name and address."""
    return all(seller.get(field) for field in NEEDED)
