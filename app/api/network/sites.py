"""Sites: places with a time zone and a currency."""

from app.api.ground import _rows
from app.api.ground._noun import Noun
from app.api.ground._plain import Plain
from app.domain.ground import texts
from app.models import Site
from app.resource import SITES
from app.schemas import network as schemas

noun = Noun("sites", "Places where stations stand.")
blueprint = noun.blueprint

SITE = _rows.answer("Site", "A place; tariffs follow its wall clock.", Site, without=("name_key",))


plain = Plain(noun, SITES, SITE)
plain.list(
    "The sites in reach, in the order in which they were added.",
    schemas.Sites,
    {"name": lambda _, name: Site.name_key == texts.key(name)},
)
plain.show("One site.")
plain.create("Add a site; for tokens that reach all sites.", schemas.NewSite, 409, everywhere=True)
plain.edit("Change what is given and leave the rest.", schemas.SiteChanges)
plain.archive("Put a site away; refused while stations stand there.", 409)
plain.restore("Take a site out of the archive.")
