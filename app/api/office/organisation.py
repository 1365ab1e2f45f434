"""The organisation: who sells, as receipts name it, and by which rules bills are made."""

from app.api.ground import _rows
from app.api.ground._noun import Ask, Noun
from app.domain.network import tenants
from app.models import Tenant
from app.schemas.money import OrganisationChanges
from app.uow import unit_of_work

noun = Noun("organisation", "Who sells, and by which rules bills are made.")
blueprint = noun.blueprint

ORGANISATION = _rows.answer(
    "Organisation",
    "Whose network it is. Without the seller’s name and address a receipt does not say who sells.",
    Tenant,
)


@noun.get(
    "/organisation",
    "Read the organisation",
    right="write",
    answers={200: ORGANISATION},
    everywhere=True,
)
def show(ask: Ask) -> object:
    """The seller and the rules; a site may name a seller of its own."""
    return ask.db.get_one(Tenant, ask.tenant_id)


@noun.patch(
    "/organisation",
    "Change the organisation",
    body=OrganisationChanges,
    answers={200: ORGANISATION},
    everywhere=True,
)
def edit(ask: Ask) -> object:
    """Change what is given; it applies from the next bill, issued ones stay as they are."""
    with unit_of_work() as db:
        tenant = db.get_one(Tenant, ask.tenant_id)
        return tenants.edit(db, ask.actor, tenant, now=ask.now, **ask.body)
