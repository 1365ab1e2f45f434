"""Drivers: people who charge and get receipts."""

from app.api.ground import _rows
from app.api.ground._noun import Noun
from app.api.ground._plain import Plain
from app.domain.ground import texts
from app.models import Driver
from app.resource import DRIVERS
from app.schemas import access as schemas
from app.schemas.answers import read

noun = Noun("drivers", "People who charge.")
blueprint = noun.blueprint

DRIVER = _rows.answer(
    "Driver",
    "A person; receipts go to `email`. `site_ids`: whose matter they are; none: of all sites.",
    Driver,
    without=("email_key",),
    site_ids=read(list[int], lambda row: [site.id for site in row.sites]),
)


plain = Plain(noun, DRIVERS, DRIVER)
plain.list(
    "The drivers, in the order in which they were added.",
    schemas.Drivers,
    {"email": lambda _, email: Driver.email_key == texts.key(email)},
)
plain.show("One driver; the tags are at /tags?driver_id=…")
plain.create("Add a driver.", schemas.NewDriver, 404, 409)
plain.edit("Change what is given and leave the rest.", schemas.DriverChanges)
plain.archive("Put a driver and their tags away; sessions, bills and receipts stay.")
plain.restore("Take a driver back; their tags are restored one by one.")
