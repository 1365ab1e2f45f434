"""Drivers: people who charge and get receipts."""

from app.api.ground import _rows
from app.api.ground import _shapes as s
from app.api.ground._noun import Noun
from app.api.ground._plain import Plain
from app.api.ground._shapes import Body
from app.domain.access.drivers import LANGUAGES
from app.domain.ground import texts
from app.models import Driver
from app.resource import DRIVERS

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


plain = Plain(noun, DRIVERS, DRIVER)
plain.list(
    "The drivers, in the order in which they were added.",
    {
        "email": (
            s.text("In any case.", most=254),
            lambda _, email: Driver.email_key == texts.key(email),
        )
    },
)
plain.show("One driver; the tags are at /tags?driver_id=…")
plain.create("Add a driver.", NEW, 404, 409)
plain.edit("Change what is given and leave the rest.", CHANGES)
plain.archive("Put a driver and their tags away; sessions, bills and receipts stay.")
plain.restore("Take a driver back; their tags are restored one by one.")
