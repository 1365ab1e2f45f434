"""Sites: places with a time zone and a currency."""

from app.api.ground import _rows
from app.api.ground import _shapes as s
from app.api.ground._noun import Noun
from app.api.ground._plain import Plain
from app.api.ground._shapes import Body
from app.domain.ground import texts
from app.models import Site
from app.resource import SITES

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


plain = Plain(noun, SITES, SITE)
plain.list(
    "The sites in reach, in the order in which they were added.",
    {"name": (s.text("In any case.", most=120), lambda _, name: Site.name_key == texts.key(name))},
)
plain.show("One site.")
plain.create("Add a site; for tokens that reach all sites.", NEW, 409, everywhere=True)
plain.edit("Change what is given and leave the rest.", CHANGES)
plain.archive("Put a site away; refused while stations stand there.", 409)
plain.restore("Take a site out of the archive.")
