"""The organisation: who sells, as receipts name it, and by which rules bills are made."""

from app.api.ground import _rows
from app.api.ground._noun import Ask, Noun
from app.domain.network import tenants
from app.models import Tenant
from app.schemas.money import OrganisationChanges

noun = Noun("organisation", "Who sells, and by which rules bills are made.")

ORGANISATION = _rows.answer(
    "Organisation",
    "Whose network it is. Without the seller’s name and address a receipt does not say who sells.",
    Tenant,
)


def _tenant(ask: Ask) -> Tenant:
    return ask.db.get_one(Tenant, ask.tenant_id)


noun.show(
    *("/organisation", "Read the organisation"),
    "The seller and the rules; a site may name a seller of its own.",
    *(ORGANISATION, _tenant),
    right="write",
    everywhere=True,
)
noun.decide(
    *("/organisation", "Change the organisation"),
    "Change what is given; it applies from the next bill, issued ones stay as they are.",
    ORGANISATION,
    _tenant,
    tenants.edit,
    name="edit",
    method="PATCH",
    body=OrganisationChanges,
    everywhere=True,
)
